"""An OpenFaaS gateway, with faasd's provider behind it or, in what differs, the one of Kubernetes."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from functions.drivers.tests.fake_platform import Asked, FakePlatform, Reply, kind_of
from tools.documents import Document

NAMESPACE = "openfaas-fn"
PASSWORD = "a password"
AUTHORIZATION = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


@dataclass
class FakeOpenFaas(FakePlatform):
    """Answers as was seen of the real one."""

    kubernetes: bool = False
    functions: dict[str, Document] = field(default_factory=dict)
    snapshots: set[str] = field(default_factory=set)
    """What faasd keeps beside each function; one without is left of a deletion by halves."""
    age: timedelta = timedelta(minutes=1)
    """How long ago functions are made that are made now."""
    words: str = ""
    """What is said to every creation, if it is refused."""

    def answer(self, asked: Asked) -> Reply:
        """Do what is asked, or call a function."""
        if asked.path.startswith("/function/"):
            return self._call(asked.path.split("/")[2].removesuffix(f".{NAMESPACE}"), asked.body)
        if asked.headers.get("authorization") != AUTHORIZATION:
            return 401, "invalid credentials"
        known: dict[tuple[str, str], Callable[[Asked], Reply]] = {
            ("GET", "/system/info"): self._info,
            ("GET", "/system/functions"): self._list,
            ("POST", "/system/functions"): self._create,
            ("DELETE", "/system/functions"): self._delete,
            ("GET", "/system/logs"): self._logs,
        }
        do = known.get((asked.method, asked.path))
        return do(asked) if do else (404, "404 page not found")

    def _info(self, _: Asked) -> Reply:
        orchestration = "kubernetes" if self.kubernetes else "containerd"
        return 200, {"provider": {"provider": "a provider", "orchestration": orchestration}}

    def _list(self, asked: Asked) -> Reply:
        return 200, list(self.functions.values()) if asked.query["namespace"] == NAMESPACE else []

    def _call(self, name: str, message: Document | None) -> Reply:
        if name not in self.functions:
            return 404, f"error finding function {name}.{NAMESPACE}: server returned non-200 status code (404)"
        if kind_of(self.functions[name]["image"]) != "good":
            return 500, f"Can't reach service for: {name}."
        return 200, {"text": f"{message['config'].get('greeting')} {message['text']}"} if message else "ok"

    def _create(self, asked: Asked) -> Reply:
        body = asked.body
        name, kind = body["service"], kind_of(body["image"])
        words = self.words or {
            "missing": f"unable to pull image {body['image']}: cannot pull: {body['image']}: not found",
            "refused": f"invalid reference format: {body['image']}",
        }.get(kind)
        if words:
            return 400, words
        if name in self.snapshots:
            again = f'deployments.apps "{name}" already exists'
            snapshot = f'unable to create container: {name}, error: snapshot "{name}-snapshot": already exists'
            return (500, again) if self.kubernetes else (400, snapshot)
        created = datetime.now(UTC) - self.age
        running = {} if kind == "ends" else {"replicas": 1, "availableReplicas": 1}
        self.snapshots.add(name)
        self.functions[name] = {
            "name": name,
            "image": body["image"],
            "namespace": NAMESPACE,
            "labels": body["labels"],
            "createdAt": created.strftime("%Y-%m-%dT%H:%M:%S.%f789Z"),
            **running,
        }
        return (202 if self.kubernetes else 200), ""

    def _delete(self, asked: Asked) -> Reply:
        name = asked.body["functionName"]
        known = name in self.snapshots
        self.snapshots.discard(name)
        self.functions.pop(name, None)
        return (200, "") if known else (404, f"service {name} not found")

    def _logs(self, asked: Asked) -> Reply:
        name, tail = asked.query["name"], int(asked.query["tail"])
        lines = [f"line {number}" for number in range(5)] if name in self.functions else []
        return 200, "".join(json.dumps({"name": name, "text": line}) + "\n" for line in lines[-tail:])
