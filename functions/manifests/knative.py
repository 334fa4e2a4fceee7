"""deploy/knative/base: a Knative Service for each function, and a RabbitmqSource for each that hears events."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from functions.manifests.kubernetes import SECURITY, mounts, setting, volumes
from functions.manifests.parts import PARTS
from functions.manifests.subscriptions import subscriptions
from functions.manifests.yaml_text import dump, dump_all
from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment

HEAD: Final = "# Written by `make manifests` from what the functions declare: change those, not this file.\n"

FOLDER: Final = Path("deploy/knative")

PROXY_DRAIN: Final = 45
"""Seconds: `timeoutSeconds` is also the grace period for termination, and Knative's proxy drains for 30 of it."""

TMP_SIZE: Final = "16Mi"

BESIDE: Final = ("pgbouncer",)
"""Images of parts whose manifests people write; nginx' is nginx' own."""

COLD_START: Final = 20
"""Seconds that a request may wait for a container, beyond the function's own time limit."""


def files(declarations: Sequence[Declaration], version: str) -> dict[Path, str]:
    """Return the generated files of deploy/knative."""
    services = [service(each) for each in declarations]
    sources = [source(each) for each in declarations if each.surface == "subscribers"]
    return {
        FOLDER / "base/functions.yaml": dump_all(HEAD, services),
        FOLDER / "base/sources.yaml": dump_all(HEAD, sources),
        FOLDER / "base/subscriptions.yaml": dump_all(HEAD, [undelivered(declarations)]),
        FOLDER / "components/images/kustomization.yaml": images(declarations, version),
    }


def service(declaration: Declaration) -> dict[str, Any]:
    """Return the Knative Service of a function."""
    needs = declaration.needs
    limit = max(PROXY_DRAIN, needs.timeout_seconds + COLD_START)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": declaration.deployment,
            "labels": {"networking.knative.dev/visibility": "cluster-local", **_labels(declaration)},
        },
        "spec": {
            "template": {
                "metadata": {
                    "labels": _labels(declaration),
                    "annotations": {
                        "autoscaling.knative.dev/min-scale": str(needs.min_scale),
                        "autoscaling.knative.dev/max-scale": str(needs.max_scale),
                    },
                },
                "spec": {
                    "containerConcurrency": needs.concurrency,
                    "timeoutSeconds": limit,
                    "responseStartTimeoutSeconds": min(limit, needs.timeout_seconds + COLD_START),
                    "serviceAccountName": "function",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [_container(declaration)],
                    "volumes": volumes(environment(declaration).secrets, TMP_SIZE),
                },
            }
        },
    }


def _labels(declaration: Declaration) -> dict[str, str]:
    return {
        "app.kubernetes.io/part-of": "botberi",
        "app.kubernetes.io/component": "function",
        "botberi.com/surface": declaration.surface,
    }


def _container(declaration: Declaration) -> dict[str, Any]:
    needed = environment(declaration)
    return {
        "image": f"botberi/{declaration.deployment}",
        "ports": [{"containerPort": 8080}],
        "env": [
            {"name": "THREADS", "value": str(declaration.needs.concurrency)},
            *(setting(name) for name in needed.settings),
        ],
        "resources": {
            "requests": {"memory": declaration.needs.memory, "cpu": "50m"},
            "limits": {"memory": declaration.needs.memory, "cpu": "1"},
        },
        # Asked for continually while a container starts, and for 100 ms at most each time.
        "readinessProbe": {"httpGet": {"path": "/_/ready"}, "periodSeconds": 0},
        "livenessProbe": {"httpGet": {"path": "/_/health"}, "periodSeconds": 10, "timeoutSeconds": 2},
        "securityContext": SECURITY,
        "volumeMounts": mounts(needed.secrets),
    }


def source(declaration: Declaration) -> dict[str, Any]:
    """Return the RabbitmqSource that brings a subscriber its events, from the queue that events.topology declares."""
    return {
        "apiVersion": "sources.knative.dev/v1alpha1",
        "kind": "RabbitmqSource",
        "metadata": {"name": declaration.deployment, "labels": _labels(declaration)},
        "spec": {
            "rabbitmqClusterReference": {"namespace": "botberi", "connectionSecret": {"name": "event-bus-source"}},
            # More than one at a time would change the order of a subject's events.
            "rabbitmqResourcesConfig": {
                "vhost": "botberi",
                "predeclared": True,
                "queueName": f"botberi.{declaration.deployment}",
                "parallelism": 1,
            },
            "delivery": {"retry": 8, "backoffPolicy": "exponential", "backoffDelay": "PT1S"},
            "sink": {
                "ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": declaration.deployment}
            },
        },
    }


def undelivered(declarations: Sequence[Declaration]) -> dict[str, Any]:
    """Return the ConfigMap by which the dispatcher takes dead letters and leaves the rest to sources."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "subscriptions"},
        "data": {"subscriptions.json": subscriptions(declarations, delivered=False)},
    }


def images(declarations: Iterable[Declaration], version: str) -> str:
    """Return the kustomize component that names the version of every image; an overlay puts its registry before it."""
    names = sorted([*(each.deployment for each in declarations), *BESIDE, *{part.image for part in PARTS}])
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "images": [{"name": f"botberi/{name}", "newTag": version} for name in names],
    }
    return HEAD + dump(component)
