"""The API of Docker's engine, with containers that are one server of this machine."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from functions.drivers.tests.fake_platform import Asked, FakePlatform, Reply, kind_of
from tools.documents import Document

API: Final = "/v1.44"


def error(code: int, words: str) -> Reply:
    """Return an error as the engine answers it."""
    return code, {"message": words}


@dataclass
class FakeDocker(FakePlatform):
    """Answers as the engine's reference says."""

    containers: dict[str, Document] = field(default_factory=dict)
    """By name."""
    pulled: set[str] = field(default_factory=lambda: {"good", "ends", "silent", "refused"})
    """The kinds of images that are there."""
    pull_ends_with: Document = field(default_factory=lambda: {"status": "Status: Downloaded newer image"})

    def answer(self, asked: Asked) -> Reply:
        """Do what is asked, or answer a health check, which comes to whatever container has this port."""
        if asked.path == "/_/health":
            return 200, "ok"
        parts = asked.path.removeprefix(f"{API}/").split("/")
        match asked.method, parts:
            case "GET", ["containers", "json"]:
                reply: Reply = (200, self._list(json.loads(asked.query["filters"])["label"]))
            case "POST", ["containers", "create"]:
                reply = self._create(asked.query["name"], asked.body)
            case "POST", ["images", "create"]:
                reply = self._pull(asked.query["fromImage"])
            case method, ["containers", name, *verb]:
                found = self.containers.get(name)
                reply = error(404, f"No such container: {name}")
                if found is not None:
                    reply = self._one(method, found, name, verb, asked.query)
            case _:
                reply = error(404, "page not found")
        return reply

    def _list(self, labels: list[str]) -> list[Document]:
        def has(container: Document, label: str) -> bool:
            name, equals, value = label.partition("=")
            present = container["Config"]["Labels"]
            return name in present and (not equals or present[name] == value)

        return [
            {
                "Id": each["Id"],
                "Names": [f"/{name}"],
                "Labels": each["Config"]["Labels"],
                "State": each["State"]["Status"],
                "Created": each["Seconds"],
            }
            for name, each in self.containers.items()
            if all(has(each, label) for label in labels)
        ]

    def _create(self, name: str, body: Document) -> Reply:
        kind = kind_of(body["Image"])
        if kind not in self.pulled:
            return error(404, f"No such image: {body['Image']}")
        if kind == "refused":
            return error(400, f"no command specified: {body['Image']}")
        if name in self.containers:
            return error(409, f'Conflict. The container name "/{name}" is already in use')
        self.containers[name] = {
            "Id": uuid.uuid4().hex,
            "Config": body,
            "Seconds": int(time.time()),
            "State": {"Status": "created", "Running": False, "ExitCode": 0, "OOMKilled": False, "Error": ""},
            "NetworkSettings": {"Ports": {}},
        }
        return 201, {"Id": self.containers[name]["Id"], "Warnings": []}

    def _pull(self, reference: str) -> Reply:
        kind = kind_of(reference)
        if kind == "missing":
            return error(404, f"pull access denied for {reference}, repository does not exist")
        if "error" not in self.pull_ends_with:
            self.pulled.add(kind)
        lines = [{"status": "Pulling from agents"}, self.pull_ends_with]
        return 200, "".join(f"{json.dumps(line)}\r\n" for line in lines)

    def _one(self, method: str, found: Document, name: str, verb: list[str], query: dict[str, str]) -> Reply:
        match method, verb:
            case "GET", ["json"]:
                return 200, found
            case "GET", ["logs"]:
                lines = [b"line %d\n" % each for each in range(5)][-int(query["tail"]) :]
                return 200, b"".join(b"\x01\0\0\0" + len(line).to_bytes(4) + line for line in lines)
            case "POST", ["start"]:
                return self._start(found)
            case "POST", ["rename"]:
                self.containers[query["name"]] = self.containers.pop(name)
                return 204, ""
            case "DELETE", []:
                del self.containers[name]
                return 204, ""
        return error(404, "page not found")

    def _start(self, found: Document) -> Reply:
        if found["State"]["Running"]:
            return 304, ""
        kind = kind_of(found["Config"]["Image"])
        if kind == "ends":
            found["State"] |= {"Status": "exited", "ExitCode": 3}
            return 204, ""
        found["State"] |= {"Status": "running", "Running": True}
        # What is silent listens nowhere.
        port = self.url.rpartition(":")[2] if kind != "silent" else "1"
        bound = [{"HostIp": "127.0.0.1", "HostPort": port}] if "PortBindings" in found["Config"]["HostConfig"] else None
        found["NetworkSettings"]["Ports"] = dict.fromkeys(found["Config"]["ExposedPorts"], bound)
        return 204, ""
