"""deploy/kubernetes/services.yaml: the always-on services as Deployments, and what runs at every deployment as Jobs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.manifests.services import MONITORING_PORT, SERVICES, Service
from tools.manifests.yaml_text import dump_all

HEAD: Final = "# Written by `make manifests` from tools/manifests/services.py: change that, not this file.\n"

FILE: Final = Path("deploy/kubernetes/services.yaml")

SETTINGS: Final = "botberi-settings"
"""The ConfigMap that holds every setting by its name."""

SECURITY: Final[dict[str, object]] = {
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
    parts = [service for service in SERVICES if not service.function]
    return {FILE: dump_all(HEAD, (each for service in parts for each in _manifests(service)))}


def setting(name: str, *, key: str | None = None) -> dict[str, object]:
    """Return an environment variable that comes from the ConfigMap, under its own name or another key."""
    return {"name": name, "valueFrom": {"configMapKeyRef": {"name": SETTINGS, "key": key or name}}}


def volumes(secrets: tuple[str, ...], tmp: str) -> list[dict[str, object]]:
    """Return the volumes of a container: /tmp of a size, and its secrets as files in one folder."""
    found: list[dict[str, object]] = [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": tmp}}]
    if secrets:
        sources = [{"secret": {"name": name, "items": [{"key": name, "path": name}]}} for name in secrets]
        found.append({"name": "secrets", "projected": {"sources": sources}})
    return found


def mounts(secrets: tuple[str, ...]) -> list[dict[str, object]]:
    """Return where those volumes are mounted."""
    found: list[dict[str, object]] = [{"name": "tmp", "mountPath": TMP}]
    return [*found, {"name": "secrets", "mountPath": "/var/openfaas/secrets", "readOnly": True}] if secrets else found


def _labels(service: Service) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": service.name,
        "app.kubernetes.io/part-of": "botberi",
        "app.kubernetes.io/component": "job" if service.once else "part",
    }


def _manifests(service: Service) -> Iterator[dict[str, object]]:
    yield _job(service) if service.once else _deployment(service)
    if service.ports:
        ports = [{"name": f"port-{port}", "port": port} for port in service.ports]
        yield _named("v1", "Service", service, {"selector": {"app.kubernetes.io/name": service.name}, "ports": ports})
    if not service.once and service.replicas > 1:
        selector = {"matchLabels": {"app.kubernetes.io/name": service.name}}
        yield _named("policy/v1", "PodDisruptionBudget", service, {"maxUnavailable": 1, "selector": selector})


def _named(api: str, kind: str, service: Service, spec: Mapping[str, object]) -> dict[str, object]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": service.name, "labels": _labels(service)},
        "spec": spec,
    }


def _deployment(service: Service) -> dict[str, object]:
    spec = {
        "replicas": service.replicas,
        # One that may run beside its successor takes over without a gap; one that may not goes first.
        "strategy": {"type": "RollingUpdate" if service.replicas > 1 else "Recreate"},
        "selector": {"matchLabels": {"app.kubernetes.io/name": service.name}},
        "template": {"metadata": {"labels": _labels(service), **_scraped(service)}, "spec": _pod(service)},
    }
    return _named("apps/v1", "Deployment", service, spec)


def _scraped(service: Service) -> dict[str, object]:
    """Return what a Prometheus finds that looks for pods: each replica has metrics of its own."""
    if not service.monitored and MONITORING_PORT not in service.ports:
        return {}
    return {"annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": str(MONITORING_PORT)}}


def _job(service: Service) -> dict[str, object]:
    template = {"metadata": {"labels": _labels(service)}, "spec": {"restartPolicy": "OnFailure", **_pod(service)}}
    spec = {"backoffLimit": 6, "activeDeadlineSeconds": 900, "ttlSecondsAfterFinished": 86_400, "template": template}
    return _named("batch/v1", "Job", service, spec)


def _pod(service: Service) -> Mapping[str, object]:
    return {
        "serviceAccountName": "part",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY,
        "terminationGracePeriodSeconds": 30,
        "containers": [_container(service)],
        "volumes": [*volumes(service.secrets, service.tmp), *_files(service)],
    }


def _container(service: Service) -> dict[str, object]:
    # A pooler in transaction mode loses LISTEN and session locks: what needs them is told another address.
    settings = [
        setting(name, key=name.replace("_URL", "_DIRECT_URL") if _direct(service, name) else None)
        for name in service.settings
    ]
    container: dict[str, object] = {
        "name": service.name,
        "image": service.image if "/" in service.image else f"botberi/{service.image}",
    }
    if service.command:
        container["command"] = list(service.command)
    container["args"] = list(service.args)
    ports = [*service.ports, *([MONITORING_PORT] if service.monitored else [])]
    if ports:
        container["ports"] = [{"containerPort": port} for port in ports]
        container |= _probes() if service.monitored else _accepting(ports[0])
    return {
        **container,
        "env": [*settings, *({"name": name, "value": value} for name, value in service.values.items())],
        "resources": {
            "requests": {"memory": service.memory, "cpu": "50m"},
            "limits": {"memory": service.memory, "cpu": "1"},
        },
        "securityContext": SECURITY,
        "volumeMounts": [*mounts(service.secrets), *({"name": "files", "mountPath": FILES} for _ in service.files[:1])],
    }


def _files(service: Service) -> list[Mapping[str, object]]:
    items = [{"key": name, "path": name} for name in service.files]
    return [{"name": "files", "configMap": {"name": "exporters", "items": items}}] if items else []


def _probes() -> dict[str, object]:
    def probe(path: str, seconds: int, failures: int) -> dict[str, object]:
        ask = {"httpGet": {"path": path, "port": MONITORING_PORT}, "timeoutSeconds": 3}
        return {**ask, "periodSeconds": seconds, "failureThreshold": failures}

    return {"readinessProbe": probe("/_/ready", 5, 3), "livenessProbe": probe("/_/health", 10, 6)}


def _accepting(port: int) -> dict[str, object]:
    return {"readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 5}}


def _direct(service: Service, name: str) -> bool:
    return name.removesuffix("_URL").lower() in service.direct
