"""The Docker driver: each version is a container, by the API of Docker's engine on its Unix socket.

For one machine. Whoever may use that socket is root on the machine: the worker, and nobody that runs agents beside it.
Containers have a read-only root, no capabilities, no way to gain any, and limits of memory, processor and processes.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from core import http_client
from core.configuration import setting
from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import (
    LABEL,
    TMP,
    USER,
    CannotDeployError,
    DriverUnavailable,
    Observation,
    Phase,
    VersionDeployment,
    function_name,
)
from functions.drivers.named_by_token import Found, NamedByToken, labels
from functions.drivers.platform_api import MOST_LOG_BYTES, PlatformApi, mapping, mappings, moment, number, text
from functions.drivers.pulls import Pulls

VERSION: Final = "/v1.44"
"""Of the API: Docker 25 and later."""

INSTALLATION: Final = "com.botberi.installation"
"""The label whose value keeps installations apart that share an engine."""

PULL_SECONDS: Final = 900.0
"""For a whole image."""

PULL_PATIENCE: Final = 5.0
"""What a deployment waits for a pull, which goes on without it."""

HEALTH_SECONDS: Final = 2.0

RESTARTS: Final = 3
"""How often the engine starts a container again whose process failed; then it is left as it is, and has failed."""

PROCESSES: Final = 256

_FRAME: Final = 8
"""Bytes before each piece of a log: the stream's number, three zeros, and the piece's length."""


class DockerDriver(NamedByToken):
    """Deploys versions as containers of one engine."""

    def __init__(self, api: PlatformApi, installation: str, network: str = "") -> None:
        """Take the engine's API, a name of this installation, and the network where containers and callers meet.

        Without a network, containers are reached at ports of this machine's loopback interface.
        """
        self._api = api
        self._installation = installation
        self._network = network
        self._pulls = Pulls(self._pull)

    @classmethod
    def from_settings(cls) -> Self:
        """Return the driver of the engine on the socket that `DRIVER_URL` names."""
        url = setting("DRIVER_URL", "") or "unix:///var/run/docker.sock"
        address = Address(f"http://docker{VERSION}", unix_socket=Path(url.removeprefix("unix://")))
        installation = setting("DRIVER_NAMESPACE", "") or "botberi"
        return cls(PlatformApi(address), installation, setting("DRIVER_NETWORK", ""))

    def found(self) -> list[Found]:
        """Return the engine's containers that are versions of this installation."""
        wanted = json.dumps({"label": [LABEL, f"{INSTALLATION}={self._installation}"]})
        answer = self._api.ask("GET", f"/containers/json?{urlencode({'all': 'true', 'filters': wanted})}")
        answer.expect()
        return [_found(each) for each in mappings(answer.parsed())]

    def create(self, name: str, deployment: VersionDeployment) -> None:
        """Create and start the container; its image is pulled if it isn't there. Raises CannotDeployError."""
        path = f"/containers/create?{urlencode({'name': name})}"
        wanted = self._wanted(deployment)
        answer = self._api.ask("POST", path, wanted)
        if answer.status == HTTPStatus.NOT_FOUND:
            self._pulls.finish(deployment.image, PULL_PATIENCE)
            answer = self._api.ask("POST", path, wanted)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise CannotDeployError(Reason.IMAGE_REFUSED, answer.words)
        # What has the name already was made by a call whose answer was lost.
        answer.expect(HTTPStatus.CONFLICT)
        started = self._api.ask("POST", f"/containers/{name}/start")
        if started.status == HTTPStatus.BAD_REQUEST:
            # Such as a command that isn't in the image.
            self.delete(name)
            raise CannotDeployError(Reason.IMAGE_REFUSED, started.words)
        started.expect(HTTPStatus.NOT_MODIFIED)

    def _pull(self, image: str) -> None:
        answer = self._api.ask(
            "POST", f"/images/create?{urlencode({'fromImage': _tagged(image)})}", seconds=PULL_SECONDS
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            raise CannotDeployError(Reason.IMAGE_UNAVAILABLE, answer.words)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise CannotDeployError(Reason.IMAGE_REFUSED, answer.words)
        answer.expect()
        # The status is sent before the work is done; how it went, the last line says.
        last = mapping(json.loads(answer.body.splitlines()[-1])) if answer.body else {}
        if "error" in last:
            words = text(last["error"])
            if any(each in words for each in ("not found", "denied", "unauthorized")):
                raise CannotDeployError(Reason.IMAGE_UNAVAILABLE, words)
            raise DriverUnavailable(f"the engine pulls no {image}: {words}")

    def _wanted(self, deployment: VersionDeployment) -> dict[str, JsonValue]:
        port = f"{deployment.port}/tcp"
        memory = deployment.memory * 1024 * 1024
        host: dict[str, JsonValue] = {
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": deployment.millicores * 1_000_000,
            "PidsLimit": PROCESSES,
            "ReadonlyRootfs": True,
            "Tmpfs": {TMP: "size=64m,mode=1777,nosuid,nodev"},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Init": True,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": RESTARTS},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "5m", "max-file": "2"}},
        }
        wanted: dict[str, JsonValue] = {
            "Image": deployment.image,
            "User": f"{USER}:{USER}",
            "Env": [f"PORT={deployment.port}"],
            "Labels": {**labels(deployment), INSTALLATION: self._installation},
            "ExposedPorts": {port: {}},
            "HostConfig": host,
        }
        if not self._network:
            host["PortBindings"] = {port: [{"HostIp": "127.0.0.1", "HostPort": ""}]}
            return wanted
        host["NetworkMode"] = self._network
        alias: JsonValue = {"Aliases": [function_name(deployment.version_id)]}
        return {**wanted, "NetworkingConfig": {"EndpointsConfig": {self._network: alias}}}

    def rename(self, found: Found, name: str) -> None:
        """Rename the container; its processes aren't touched."""
        self._api.ask("POST", f"/containers/{found.name}/rename?{urlencode({'name': name})}").expect()

    def delete(self, name: str) -> None:
        """Kill and delete the container, if it is there."""
        self._api.ask("DELETE", f"/containers/{name}?force=true&v=true").expect(HTTPStatus.NOT_FOUND)

    def observe(self, version_id: str) -> Observation:
        """Return whether the container answers its health check, or how its process ended."""
        found = self.of(version_id)
        if not found:
            return Observation(Phase.ABSENT)
        answer = self._api.ask("GET", f"/containers/{found[0].name}/json")
        if not answer.expect(HTTPStatus.NOT_FOUND):
            return Observation(Phase.ABSENT)
        container = mapping(answer.parsed())
        state = mapping(container, "State")
        if text(state.get("Status")) == "created":
            # Whoever made it didn't come to start it.
            return Observation(Phase.ABSENT)
        url = self._url(container, version_id)
        if state.get("Running") is True and url and http_client.is_ok(f"{url}/_/health", seconds=HEALTH_SECONDS):
            return Observation(Phase.READY, url)
        if found[0].ended:
            return Observation(Phase.FAILED, reason=Reason.AGENT_EXITED, message=_end(state))
        return Observation(Phase.DEPLOYING)

    def _url(self, container: Mapping[str, JsonValue], version_id: str) -> str:
        """Return where the container is reached; empty as long as it has no port."""
        ports = mapping(dict(container), "NetworkSettings", "Ports")
        for port, bound in ports.items():
            if self._network:
                return f"http://{function_name(version_id)}:{port.partition('/')[0]}"
            for each in mappings(bound):
                return f"http://{text(each.get('HostIp'))}:{text(each.get('HostPort'))}"
        return ""

    def logs(self, version_id: str, tail: int) -> list[str]:
        """Return the last lines of the container's output, both streams as they came."""
        found = self.of(version_id)
        if not found:
            return []
        answer = self._api.ask("GET", f"/containers/{found[0].name}/logs?stdout=true&stderr=true&tail={tail}")
        if not answer.expect(HTTPStatus.NOT_FOUND):
            return []
        return _joined(answer.body)[-MOST_LOG_BYTES:].decode(errors="replace").splitlines()[-tail:]


def _found(container: Mapping[str, JsonValue]) -> Found:
    names = container.get("Names")
    name = text(names[0] if isinstance(names, list) and names else "").removeprefix("/")
    ended = container.get("State") not in {"running", "restarting"}
    return Found.of(quote(name), mapping(container.get("Labels")), moment(container.get("Created")), ended=ended)


def _end(state: Mapping[str, JsonValue]) -> str:
    if state.get("OOMKilled") is True:
        return "it ran out of memory"
    return text(state.get("Error")) or f"its process ended with exit code {number(state.get('ExitCode'))}"


def _tagged(image: str) -> str:
    """Return an image's reference with its tag: without one, the engine would pull all that there are."""
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def _joined(log: bytes) -> bytes:
    """Return the pieces of a log without what stands before each."""
    pieces = []
    while len(log) > _FRAME:
        end = _FRAME + int.from_bytes(log[4:_FRAME])
        pieces.append(log[_FRAME:end])
        log = log[end:]
    return b"".join(pieces)
