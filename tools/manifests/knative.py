"""deploy/knative/base: a Knative Service for each function."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from tools.manifests.kubernetes import SECURITY, mounts, setting, volumes
from tools.manifests.services import SERVICES, Service
from tools.manifests.subscriptions import COLD_START
from tools.manifests.yaml_text import dump, dump_all

HEAD: Final = "# Written by `make manifests` from what the functions declare: change those, not this file.\n"

FOLDER: Final = Path("deploy/knative")

PROXY_DRAIN: Final = 45
"""Seconds: `timeoutSeconds` is also the grace period for termination, and Knative's proxy drains for 30 of it."""

TMP_SIZE: Final = "16Mi"

BESIDE: Final = ("pgbouncer",)
"""Images of services whose manifests people write; nginx' is nginx' own."""


def files(declarations: Sequence[Declaration], version: str) -> dict[Path, str]:
    """Return the generated files of deploy/knative."""
    services = [*(service(each) for each in declarations), *(beside(each) for each in SERVICES if each.function)]
    return {
        FOLDER / "base/functions.yaml": dump_all(HEAD, services),
        FOLDER / "components/images/kustomization.yaml": images(declarations, version),
    }


def service(declaration: Declaration) -> Mapping[str, object]:
    """Return the Knative Service of a function."""
    resources = declaration.resources
    limit = max(PROXY_DRAIN, resources.timeout_seconds + COLD_START)
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
                        "autoscaling.knative.dev/min-scale": str(resources.min_scale),
                        "autoscaling.knative.dev/max-scale": str(resources.max_scale),
                    },
                },
                "spec": {
                    "containerConcurrency": resources.concurrency,
                    "timeoutSeconds": limit,
                    "responseStartTimeoutSeconds": min(limit, resources.timeout_seconds + COLD_START),
                    "serviceAccountName": "function",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [_container(declaration)],
                    "volumes": volumes(environment(declaration).secrets, TMP_SIZE),
                },
            }
        },
    }


def beside(part: Service) -> Mapping[str, object]:
    """Return the Knative Service of a part that is deployed as functions are."""
    labels = {"app.kubernetes.io/part-of": "botberi", "app.kubernetes.io/component": part.name}
    values = ({"name": name, "value": value} for name, value in part.values.items())
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": part.name,
            "labels": {"networking.knative.dev/visibility": "cluster-local", **labels},
        },
        "spec": {
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {
                        # What is awake ends with its container: the first message after that waits for both.
                        "autoscaling.knative.dev/min-scale": "1",
                        "autoscaling.knative.dev/max-scale": str(part.replicas),
                    },
                },
                "spec": {
                    "containerConcurrency": int(part.values["THREADS"]),
                    "timeoutSeconds": part.timeout_seconds,
                    "responseStartTimeoutSeconds": part.timeout_seconds,
                    "serviceAccountName": "function",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [
                        {
                            "image": f"botberi/{part.image}",
                            "ports": [{"containerPort": 8080}],
                            "env": [*values, *(setting(name) for name in part.settings)],
                            "resources": {
                                "requests": {"memory": part.memory, "cpu": "500m"},
                                "limits": {"memory": part.memory, "cpu": "2"},
                            },
                            "readinessProbe": {"httpGet": {"path": "/_/ready"}, "periodSeconds": 0},
                            "livenessProbe": {
                                "httpGet": {"path": "/_/health"},
                                "periodSeconds": 10,
                                "timeoutSeconds": 2,
                            },
                            "securityContext": SECURITY,
                            "volumeMounts": mounts(part.secrets),
                        }
                    ],
                    "volumes": volumes(part.secrets, part.tmp),
                },
            }
        },
    }


def _labels(declaration: Declaration) -> dict[str, str]:
    return {
        "app.kubernetes.io/part-of": "botberi",
        "app.kubernetes.io/component": "function",
        "botberi.com/api": declaration.api,
    }


def _container(declaration: Declaration) -> Mapping[str, object]:
    needed = environment(declaration)
    return {
        "image": f"botberi/{declaration.deployment}",
        "ports": [{"containerPort": 8080}],
        "env": [
            {"name": "THREADS", "value": str(declaration.resources.concurrency)},
            *(setting(name) for name in needed.settings),
        ],
        "resources": {
            "requests": {"memory": declaration.resources.memory, "cpu": "50m"},
            "limits": {"memory": declaration.resources.memory, "cpu": "1"},
        },
        # Asked for continually while a container starts, and for 100 ms at most each time.
        "readinessProbe": {"httpGet": {"path": "/_/ready"}, "periodSeconds": 0},
        "livenessProbe": {"httpGet": {"path": "/_/health"}, "periodSeconds": 10, "timeoutSeconds": 2},
        "securityContext": SECURITY,
        "volumeMounts": mounts(needed.secrets),
    }


def images(declarations: Iterable[Declaration], version: str) -> str:
    """Return the kustomize component that names the version of every image; an overlay puts its registry before it."""
    names = sorted(
        [
            *(each.deployment for each in declarations),
            *BESIDE,
            *{each.image for each in SERVICES if "/" not in each.image},
        ]
    )
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "images": [{"name": f"botberi/{name}", "newTag": version} for name in names],
    }
    return HEAD + dump(component)
