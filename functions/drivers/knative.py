"""The Knative driver: each version is a Knative Service, by the API of Kubernetes.

The fencing token is an annotation, written under the resource version that was read: who read an earlier state is
answered 409 and looks again. A change of annotations alone makes no new revision, so what runs goes on. Services are
created by POST, which two can't both succeed in, and not by server-side apply, which would let the later one overwrite
the other's token.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from core.configuration import setting
from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import (
    LABEL,
    TMP,
    USER,
    CannotDeployError,
    Deployed,
    DriverUnavailable,
    Observation,
    Phase,
    VersionDeployment,
    function_name,
)
from functions.drivers.named_by_token import SPEC, digest, refuse_stale
from functions.drivers.platform_api import MOST_LOG_BYTES, PlatformApi, mapping, mappings, moment, number, text

FENCED_BY: Final = "com.botberi.token"
"""The annotation that holds the fencing token."""

ATTEMPTS: Final = 5
"""Looks at a Service that others change at the same time: its controller writes its status."""

PODS: Final = 5
"""Of which logs are read."""

DRAIN_SECONDS: Final = 45
"""Knative's time limit of a request is also the grace of its pod, of which its proxy drains for 30 s."""

CREDENTIALS: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds its service account's token, the cluster's authority and its namespace."""

_MERGE: Final = "application/merge-patch+json"


class KnativeDriver:
    """Deploys versions as Services of one namespace."""

    def __init__(self, api: PlatformApi, namespace: str) -> None:
        """Take the API of Kubernetes, which asks for a bearer token, and a namespace."""
        self._api = api
        self._core = f"/api/v1/namespaces/{quote(namespace)}"
        self._services = f"/apis/serving.knative.dev/v1/namespaces/{quote(namespace)}/services"

    @classmethod
    def from_settings(cls) -> Self:
        """Return the driver of the cluster that `DRIVER_URL` names, with the credentials of a service account."""
        folder = Path(setting("DRIVER_CREDENTIALS", "") or CREDENTIALS)
        url = setting("DRIVER_URL", "") or "https://kubernetes.default.svc"
        authority = folder / "ca.crt"
        address = Address(url.rstrip("/"), ca_file=authority if url.startswith("https:") else None)
        namespace = setting("DRIVER_NAMESPACE", "") or (folder / "namespace").read_text(encoding="ascii").strip()

        def authorization() -> dict[str, str]:
            # Kubernetes replaces the token every hour.
            token = (folder / "token").read_text(encoding="ascii").strip()
            return {"Authorization": f"Bearer {token}"}

        return cls(PlatformApi(address, authorization), namespace)

    def deploy(self, deployment: VersionDeployment, token: int) -> None:
        """Create the Service, or bring what is there to what is wanted, or replace it when it has failed."""
        for _ in range(ATTEMPTS):
            found = self._read(deployment.version_id)
            if found is None:
                done = self._create(deployment, token)
            elif _is_leaving(found):
                raise DriverUnavailable(f"the Service of {deployment.version_id} is still being removed")
            else:
                refuse_stale(deployment.version_id, _token(found), token)
                done = self._change(found, deployment, token)
            if done:
                return
        raise DriverUnavailable(f"the Service of {deployment.version_id} keeps changing")

    def _create(self, deployment: VersionDeployment, token: int) -> bool:
        """Return whether it was created; False when somebody else was faster."""
        answer = self._api.ask("POST", self._services, _service(deployment, token))
        if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise CannotDeployError(Reason.IMAGE_REFUSED, answer.words)
        return answer.expect(HTTPStatus.CONFLICT)

    def _change(self, found: dict[str, JsonValue], deployment: VersionDeployment, token: int) -> bool:
        """Return whether the Service is what it has to be; False when it is to be looked at again."""
        path = f"{self._services}/{function_name(deployment.version_id)}"
        if _phase(found) == Phase.FAILED:
            self._delete(path, found)
            return False
        wanted = _service(deployment, token)
        if mapping(found, "metadata", "annotations").get(SPEC) == digest(deployment):
            if _token(found) == token:
                return True
            wanted = {"metadata": {"annotations": {FENCED_BY: str(token)}}}
        version = mapping(found, "metadata").get("resourceVersion")
        wanted["metadata"] = {**mapping(wanted, "metadata"), "resourceVersion": version}
        answer = self._api.ask("PATCH", path, wanted, kind=_MERGE)
        if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise CannotDeployError(Reason.IMAGE_REFUSED, answer.words)
        return answer.expect(HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND)

    def observe(self, version_id: str) -> Observation:
        """Return what the Service's conditions say. It isn't asked itself: that would wake what sleeps."""
        found = self._read(version_id)
        if found is None or _is_leaving(found):
            return Observation(Phase.ABSENT)
        phase = _phase(found)
        if phase == Phase.READY:
            return Observation(phase, text(mapping(found, "status", "address").get("url")))
        if phase != Phase.FAILED:
            return Observation(phase)
        words = "; ".join(message for each in _conditions(found) if (message := text(each.get("message"))))
        return Observation(phase, reason=_reason(words), message=words)

    def remove(self, version_id: str, token: int) -> None:
        """Delete the Service as it was read: not one that a successor deployed in between."""
        for _ in range(ATTEMPTS):
            found = self._read(version_id)
            if found is None or _is_leaving(found):
                return
            refuse_stale(version_id, _token(found), token)
            if self._delete(f"{self._services}/{function_name(version_id)}", found):
                return
        raise DriverUnavailable(f"the Service of {version_id} keeps changing")

    def inventory(self) -> list[Deployed]:
        """Return the namespace's Services that are versions."""
        answer = self._api.ask("GET", f"{self._services}?{urlencode({'labelSelector': LABEL})}")
        answer.expect()
        return [
            Deployed(_version(each), _token(each), moment(mapping(each, "metadata").get("creationTimestamp")))
            for each in mappings(mapping(answer.parsed()).get("items"))
            if not _is_leaving(each)
        ]

    def logs(self, version_id: str, tail: int) -> list[str]:
        """Return the last lines of each replica's container, one replica after the other."""
        selector = urlencode({"labelSelector": f"serving.knative.dev/service={function_name(version_id)}"})
        pods = self._api.ask("GET", f"{self._core}/pods?{selector}&limit={PODS}")
        lines: list[str] = []
        for pod in mappings(mapping(pods.parsed()).get("items")) if pods.is_ok else []:
            name = quote(text(mapping(pod, "metadata").get("name")))
            query = urlencode({"container": "user-container", "tailLines": tail, "limitBytes": MOST_LOG_BYTES})
            said = self._api.lines(f"{self._core}/pods/{name}/log?{query}")
            lines += [line.decode(errors="replace") for line in said]
        return lines[-tail:]

    def _read(self, version_id: str) -> dict[str, JsonValue] | None:
        """Return the version's Service; None when there is none of ours by its name."""
        answer = self._api.ask("GET", f"{self._services}/{function_name(version_id)}")
        if not answer.expect(HTTPStatus.NOT_FOUND):
            return None
        found = mapping(answer.parsed())
        if _version(found) != version_id:
            raise DriverUnavailable(f"a Service named {function_name(version_id)} is there that isn't ours")
        return found

    def _delete(self, path: str, found: dict[str, JsonValue]) -> bool:
        """Return whether it was deleted; False when it has changed since it was read."""
        metadata = mapping(found, "metadata")
        read: JsonValue = {"uid": metadata.get("uid"), "resourceVersion": metadata.get("resourceVersion")}
        body: JsonValue = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": read}
        answer = self._api.ask("DELETE", path, body)
        return answer.status == HTTPStatus.NOT_FOUND or answer.expect(HTTPStatus.CONFLICT)


def _service(deployment: VersionDeployment, token: int) -> dict[str, JsonValue]:
    limits: dict[str, JsonValue] = {"memory": f"{deployment.memory}Mi", "cpu": f"{deployment.millicores}m"}
    labels: dict[str, JsonValue] = {
        LABEL: deployment.version_id,
        "app.kubernetes.io/part-of": "botberi",
        "app.kubernetes.io/component": "version",
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": function_name(deployment.version_id),
            "labels": {**labels, "networking.knative.dev/visibility": "cluster-local"},
            "annotations": {FENCED_BY: str(token), SPEC: digest(deployment)},
        },
        "spec": {
            "template": {
                "metadata": {
                    "labels": labels,
                    # 0 would be no limit.
                    "annotations": {
                        "autoscaling.knative.dev/min-scale": "0",
                        "autoscaling.knative.dev/max-scale": str(deployment.most_replicas),
                    },
                },
                "spec": {
                    "containerConcurrency": deployment.concurrency,
                    "timeoutSeconds": max(DRAIN_SECONDS, deployment.timeout),
                    "responseStartTimeoutSeconds": deployment.timeout,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [_container(deployment, limits)],
                    "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
                },
            }
        },
    }


def _container(deployment: VersionDeployment, limits: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        "image": deployment.image,
        # Knative says PORT itself.
        "ports": [{"containerPort": deployment.port}],
        "resources": {"requests": {"memory": limits["memory"], "cpu": "50m"}, "limits": limits},
        "readinessProbe": {"httpGet": {"path": "/_/health"}, "periodSeconds": 0},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": TMP}],
    }


def _version(service: dict[str, JsonValue]) -> str:
    return text(mapping(service, "metadata", "labels").get(LABEL))


def _token(service: dict[str, JsonValue]) -> int:
    return number(mapping(service, "metadata", "annotations").get(FENCED_BY))


def _is_leaving(service: dict[str, JsonValue]) -> bool:
    """Return whether it was deleted, and is only there until its parts are gone."""
    return "deletionTimestamp" in mapping(service, "metadata")


def _conditions(service: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    return mappings(mapping(service, "status").get("conditions"))


def _phase(service: dict[str, JsonValue]) -> Phase:
    metadata, status = mapping(service, "metadata"), mapping(service, "status")
    if metadata.get("generation") != status.get("observedGeneration"):
        return Phase.DEPLOYING
    ready = next((each.get("status") for each in _conditions(service) if each.get("type") == "Ready"), None)
    return {"True": Phase.READY, "False": Phase.FAILED}.get(text(ready), Phase.DEPLOYING)


def _reason(words: str) -> Reason:
    if any(each in words for each in ("Unable to fetch image", "failed to resolve image", "ImagePull")):
        return Reason.IMAGE_UNAVAILABLE
    return Reason.AGENT_EXITED if "Container failed" in words or "exit" in words else Reason.DRIVER_FAILED
