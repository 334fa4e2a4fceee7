"""The API of Kubernetes with Knative Serving, as far as it was seen, and a controller that is done at once."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

from functions.drivers.tests.fake_platform import Asked, FakePlatform, Reply, kind_of
from tools.documents import Document

NAMESPACE: Final = "botberi"
BEARER: Final = "a-token"
SERVICES: Final = f"/apis/serving.knative.dev/v1/namespaces/{NAMESPACE}/services"
PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"

UNABLE: Final = 'Unable to fetch image "{image}": failed to resolve image to digest: no such host'
CRASHED: Final = "Container failed with: exit status 1"


def status(code: int, reason: str, message: str) -> Reply:
    """Return an error as Kubernetes answers it."""
    return code, {"kind": "Status", "apiVersion": "v1", "reason": reason, "message": message, "code": code}


def merged(into: Document, patch: Document) -> Document:
    """Return the result of a merge patch (RFC 7396)."""
    result = dict(into)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result[name] if isinstance(result.get(name), dict) else {}, value)
        else:
            result[name] = value
    return result


@dataclass
class FakeKubernetes(FakePlatform):
    """Answers as was seen of the real one."""

    services: dict[str, Document] = field(default_factory=dict)
    versions: Iterator[int] = field(default_factory=lambda: count(1))
    restless: int = 0
    """How many more changes are answered 409, because somebody else was faster."""

    lingering: bool = False
    """Whether what is deleted stays until its parts are gone."""

    def answer(self, asked: Asked) -> Reply:
        """Do what is asked."""
        if asked.headers.get("authorization") != f"Bearer {BEARER}":
            return status(401, "Unauthorized", "Unauthorized")
        if asked.path == SERVICES:
            return self._create(asked.body) if asked.method == "POST" else self._list(asked.query)
        if asked.path.startswith(f"{SERVICES}/"):
            return self._one(asked, asked.path.rpartition("/")[2])
        if asked.path.startswith(PODS):
            return self._pods(asked)
        return status(404, "NotFound", "the server could not find the requested resource")

    def _list(self, query: dict[str, str]) -> Reply:
        label = query.get("labelSelector", "")
        return 200, {"items": [each for each in self.services.values() if label in each["metadata"]["labels"]]}

    def _create(self, service: Document) -> Reply:
        name = service["metadata"]["name"]
        if name in self.services:
            return status(409, "AlreadyExists", f'services.serving.knative.dev "{name}" already exists')
        metadata = {
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self._keep(name, merged(service, {"metadata": metadata}), 201)

    def _keep(self, name: str, service: Document, done: int = 200) -> Reply:
        image = service["spec"]["template"]["spec"]["containers"][0]["image"]
        if kind_of(image) == "refused":
            webhook = 'admission webhook "validation.webhook.serving.knative.dev" denied the request'
            return status(400, "BadRequest", f"{webhook}: validation failed: Failed to parse image reference: {image}")
        service["metadata"]["resourceVersion"] = str(next(self.versions))
        service["status"] = self._status(name, service["metadata"]["generation"], image)
        self.services[name] = service
        return done, service

    def _status(self, name: str, generation: int, image: str) -> Document:
        url = f"http://{name}.{NAMESPACE}.svc.cluster.local"
        words = {"missing": UNABLE.format(image=image), "ends": CRASHED}.get(kind_of(image), "")
        ready = {"good": "True", "silent": "Unknown"}.get(kind_of(image), "False")
        conditions = [
            {"type": "ConfigurationsReady", "status": ready, "message": words},
            {"type": "Ready", "status": ready, "reason": "RevisionMissing"},
        ]
        return {"observedGeneration": generation, "conditions": conditions, "address": {"url": url}}

    def _one(self, asked: Asked, name: str) -> Reply:
        found = self.services.get(name)
        if found is None:
            return status(404, "NotFound", f'services.serving.knative.dev "{name}" not found')
        if asked.method == "GET":
            return 200, found
        read = asked.body["preconditions"] if asked.method == "DELETE" else asked.body["metadata"]
        self.restless -= 1
        if self.restless >= 0:
            found["metadata"]["resourceVersion"] = str(next(self.versions))
        if read["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return status(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if asked.method == "DELETE":
            found["metadata"]["deletionTimestamp"] = "2026-11-29T10:00:00Z"
            if not self.lingering:
                del self.services[name]
            return 200, {"kind": "Status", "status": "Success"}
        assert asked.headers["content-type"] == "application/merge-patch+json"
        changed = merged(found, asked.body)
        # A change of metadata alone makes no new generation.
        changed["metadata"]["generation"] += changed["spec"] != found["spec"]
        return self._keep(name, changed)

    def _pods(self, asked: Asked) -> Reply:
        parts = asked.path.removeprefix(PODS).strip("/").split("/")
        if parts == [""]:
            name = asked.query["labelSelector"].removeprefix("serving.knative.dev/service=")
            names = [f"{name}-{each}" for each in ("a", "gone", "b")] if name in self.services else []
            return 200, {"items": [{"metadata": {"name": each}} for each in names]}
        if parts[0].endswith("-gone"):
            return status(404, "NotFound", f'pods "{parts[0]}" not found')
        assert asked.query["container"] == "user-container"
        lines = [f"{parts[0][-1]} {each}" for each in range(5)]
        return 200, "".join(f"{line}\n" for line in lines[-int(asked.query["tailLines"]) :])
