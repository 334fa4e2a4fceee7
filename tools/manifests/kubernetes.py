"""deploy/kubernetes/parts.yaml: the always-on parts as Deployments, and what runs at every deployment as Jobs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from tools.manifests.parts import MONITORING_PORT, PARTS, Part
from tools.manifests.yaml_text import dump_all

HEAD: Final = "# Written by `make manifests` from tools/manifests/parts.py: change that, not this file.\n"

FILE: Final = Path("deploy/kubernetes/parts.yaml")

SETTINGS: Final = "botberi-settings"
"""The ConfigMap that holds every setting by its name."""

SECURITY: Final[dict[str, JsonValue]] = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Of every container: no right that it doesn't use, and only /tmp to write to."""

POD_SECURITY: Final = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
"""Of every pod, for containers that would come later; Knative refuses it on its own."""

TMP: Final = "/tmp"  # nosec B108 # noqa: S108 - the only place that may be written to


FILES: Final = "/etc/botberi"


def files() -> dict[Path, str]:
    """Return the generated file."""
    return {FILE: dump_all(HEAD, (each for part in PARTS for each in _manifests(part)))}


def setting(name: str, *, key: str | None = None) -> dict[str, JsonValue]:
    """Return an environment variable that comes from the ConfigMap, under its own name or another key."""
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": SETTINGS, "key": key or name}}}


def volumes(secrets: tuple[str, ...], tmp: str) -> list[dict[str, JsonValue]]:
    """Return the volumes of a container: /tmp of a size, and its secrets as files in one folder."""
    found: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": tmp}}]
    if secrets:
        sources = [{"secret": {"name": name, "items": [{"key": name, "path": name}]}} for name in secrets]
        found.append({"name": "secrets", "projected": {"sources": sources}})
    return found


def mounts(secrets: tuple[str, ...]) -> list[dict[str, JsonValue]]:
    """Return where those volumes are mounted."""
    found: list[dict[str, JsonValue]] = [{"name": "tmp", "mountPath": TMP}]
    return [*found, {"name": "secrets", "mountPath": "/var/openfaas/secrets", "readOnly": True}] if secrets else found


def _labels(part: Part) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": part.name,
        "app.kubernetes.io/part-of": "botberi",
        "app.kubernetes.io/component": "job" if part.once else "part",
    }


def _manifests(part: Part) -> Iterator[dict[str, JsonValue]]:
    yield _job(part) if part.once else _deployment(part)
    if part.ports:
        ports = [{"name": f"port-{port}", "port": port} for port in part.ports]
        yield _named("v1", "Service", part, {"selector": {"app.kubernetes.io/name": part.name}, "ports": ports})
    if part.found_by_name:
        yield _named("v1", "Service", part, {"clusterIP": "None", "selector": {"app.kubernetes.io/name": part.name}})
    if not part.once and part.replicas > 1:
        selector = {"matchLabels": {"app.kubernetes.io/name": part.name}}
        yield _named("policy/v1", "PodDisruptionBudget", part, {"maxUnavailable": 1, "selector": selector})


def _named(api: str, kind: str, part: Part, spec: Mapping[str, object]) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": part.name, "labels": _labels(part)},
        "spec": spec,
    }


def _deployment(part: Part) -> dict[str, JsonValue]:
    spec = {
        "replicas": part.replicas,
        # One that may run beside its successor takes over without a gap; one that may not goes first.
        "strategy": {"type": "RollingUpdate" if part.replicas > 1 else "Recreate"},
        "selector": {"matchLabels": {"app.kubernetes.io/name": part.name}},
        "template": {"metadata": {"labels": _labels(part), **_scraped(part)}, "spec": _pod(part)},
    }
    return _named("apps/v1", "Deployment", part, spec)


def _scraped(part: Part) -> dict[str, JsonValue]:
    """Return what a Prometheus finds that looks for pods: each replica has figures of its own."""
    if not part.monitored and MONITORING_PORT not in part.ports:
        return {}
    return {"annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": str(MONITORING_PORT)}}


def _job(part: Part) -> dict[str, JsonValue]:
    template = {"metadata": {"labels": _labels(part)}, "spec": {"restartPolicy": "OnFailure", **_pod(part)}}
    spec = {"backoffLimit": 6, "activeDeadlineSeconds": 900, "ttlSecondsAfterFinished": 86_400, "template": template}
    return _named("batch/v1", "Job", part, spec)


def _pod(part: Part) -> Mapping[str, object]:
    return {
        "serviceAccountName": "part",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY,
        "terminationGracePeriodSeconds": 30,
        "containers": [_container(part)],
        "volumes": [*volumes(part.secrets, part.tmp), *_files(part)],
    }


def _container(part: Part) -> dict[str, JsonValue]:
    # A pooler in transaction mode loses LISTEN and session locks: what needs them is told another address.
    settings = [
        setting(name, key=name.replace("_URL", "_DIRECT_URL") if _direct(part, name) else None)
        for name in part.settings
    ]
    container: dict[str, Any] = {
        "name": part.name,
        "image": part.image if "/" in part.image else f"botberi/{part.image}",
    }
    if part.command:
        container["command"] = list(part.command)
    container["args"] = list(part.args)
    ports = [*part.ports, *([MONITORING_PORT] if part.monitored else [])]
    if ports:
        container["ports"] = [{"containerPort": port} for port in ports]
        container |= _probes() if part.monitored else _accepting(ports[0])
    return {
        **container,
        "env": [*settings, *({"name": name, "value": value} for name, value in part.values.items())],
        "resources": {
            "requests": {"memory": part.memory, "cpu": "50m"},
            "limits": {"memory": part.memory, "cpu": "1"},
        },
        "securityContext": SECURITY,
        "volumeMounts": [*mounts(part.secrets), *({"name": "files", "mountPath": FILES} for _ in part.files[:1])],
    }


def _files(part: Part) -> list[Mapping[str, object]]:
    items = [{"key": name, "path": name} for name in part.files]
    return [{"name": "files", "configMap": {"name": "exporters", "items": items}}] if items else []


def _probes() -> dict[str, JsonValue]:
    def probe(path: str, seconds: int, failures: int) -> dict[str, Any]:
        ask = {"httpGet": {"path": path, "port": MONITORING_PORT}, "timeoutSeconds": 3}
        return {**ask, "periodSeconds": seconds, "failureThreshold": failures}

    return {"readinessProbe": probe("/_/ready", 5, 3), "livenessProbe": probe("/_/health", 10, 6)}


def _accepting(port: int) -> dict[str, JsonValue]:
    return {"readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 5}}


def _direct(part: Part, name: str) -> bool:
    return name.removesuffix("_URL").lower() in part.direct
