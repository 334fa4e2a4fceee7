"""The OpenFaaS driver: each version is a function, by the REST API of OpenFaaS' gateway.

What it knows of answers was seen on faasd's provider. That of Kubernetes differs in codes, so any 2xx is success, and
what is there is asked rather than concluded. Functions are never updated: an update whose image can't be pulled takes
the function away with it, and any update starts it anew. Another version of the limits is another function.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlencode

from pydantic import JsonValue

from core import http_client
from core.configuration import secret, setting
from core.http_client import Address
from functions.domain.instances.reasons import Reason
from functions.drivers.base import (
    CannotDeployError,
    Observation,
    Phase,
    VersionDeployment,
)
from functions.drivers.named_by_token import Found, NamedByToken, labels
from functions.drivers.platform_api import PlatformApi, mapping, mappings, moment, number, text

FUNCTIONS: Final = "/system/functions"

PORT: Final = 8080

CHANGE_PATIENCE: Final = 3
"""Times as long as any other request may take: faasd answers when the image is pulled, or the process has ended. It
goes on when nobody waits any more.
"""

HEALTH_SECONDS: Final = 2.0

UNSETTLED_SECONDS: Final = 10
"""For so long after it was made a function without a process is taken for one that is being started."""


class OpenFaasDriver(NamedByToken):
    """Deploys versions as functions of one OpenFaaS namespace."""

    def __init__(self, api: PlatformApi, namespace: str) -> None:
        """Take the gateway's API, which asks for basic authentication, and a namespace of functions."""
        self._api = api
        self._namespace = namespace

    @classmethod
    def from_settings(cls) -> Self:
        """Return the driver of the gateway that `DRIVER_URL` names, as the user whose password is a secret."""
        url = setting("DRIVER_URL", "") or "http://gateway.openfaas:8080"
        namespace = setting("DRIVER_NAMESPACE", "") or "openfaas-fn"
        _authorization()  # said now if it is missing
        return cls(PlatformApi(Address(url.rstrip("/")), _authorization), namespace)

    def found(self) -> list[Found]:
        """Return the namespace's functions that are versions."""
        answer = self._api.ask("GET", f"{FUNCTIONS}?{urlencode({'namespace': self._namespace})}")
        answer.expect()
        every = (self._found(each) for each in mappings(answer.parsed()))
        return [each for each in every if each.version_id]

    def _found(self, function: Mapping[str, JsonValue]) -> Found:
        created = moment(function.get("createdAt"))
        settled = (datetime.now(UTC) - created).total_seconds() > UNSETTLED_SECONDS
        ended = settled and not number(function.get("availableReplicas")) and self._stays_ended
        return Found.of(text(function.get("name")), mapping(function.get("labels")), created, ended=ended)

    @cached_property
    def _stays_ended(self) -> bool:
        """Whether nobody starts a function again whose process has ended: faasd doesn't, Kubernetes does."""
        info = self._api.ask("GET", "/system/info").parsed()
        return text(mapping(info, "provider").get("orchestration")) == "containerd"

    def create(self, name: str, deployment: VersionDeployment) -> None:
        """Create the function, unless it is there. Raises CannotDeployError."""
        if deployment.port != PORT:
            raise CannotDeployError(Reason.IMAGE_REFUSED, f"OpenFaaS calls functions at port {PORT} alone")
        answer = self._api.ask(
            "POST", FUNCTIONS, self._wanted(name, deployment), seconds=self._api.seconds * CHANGE_PATIENCE
        )
        if answer.expect(HTTPStatus.BAD_REQUEST):
            return
        # A duplicate is a 400 too, and so is what is left of a function that was deleted by halves.
        if any(each.name == name for each in self.found()):
            return
        if "already exists" in answer.words:
            self.delete(name)
            raise answer.refused()
        reason = _reason(answer.words)
        if reason is None:
            raise answer.refused()
        raise CannotDeployError(reason, answer.words)

    def _wanted(self, name: str, deployment: VersionDeployment) -> dict[str, JsonValue]:
        limits: dict[str, JsonValue] = {"memory": f"{deployment.memory}Mi", "cpu": f"{deployment.millicores}m"}
        seconds = f"{deployment.timeout}s"
        return {
            "service": name,
            "image": deployment.image,
            "namespace": self._namespace,
            # The provider logs these: nothing secret may be among them.
            "envVars": {
                "PORT": str(deployment.port),
                "read_timeout": seconds,
                "write_timeout": seconds,
                "exec_timeout": seconds,
            },
            "labels": dict(labels(deployment)),
            "limits": limits,
            "requests": {"memory": limits["memory"], "cpu": "50m"},
            "readOnlyRootFilesystem": True,
        }

    def rename(self, found: Found, name: str) -> None:
        """Do nothing: a function keeps its name, and so the token it was deployed with."""

    def delete(self, name: str) -> None:
        """Delete the function, if it is there."""
        body: JsonValue = {"functionName": name, "namespace": self._namespace}
        answer = self._api.ask("DELETE", FUNCTIONS, body, seconds=self._api.seconds * CHANGE_PATIENCE)
        answer.expect(HTTPStatus.NOT_FOUND)

    def observe(self, version_id: str) -> Observation:
        """Return whether the function answers its health check: a replica counts as available before it does."""
        found = self.of(version_id)
        if not found:
            return Observation(Phase.ABSENT)
        if found[0].ended:
            return Observation(Phase.FAILED, reason=Reason.AGENT_EXITED, message="its process has ended")
        url = f"{self._api.address.url}/function/{found[0].name}.{self._namespace}"
        ready = http_client.is_ok(f"{url}/_/health", seconds=HEALTH_SECONDS)
        return Observation(Phase.READY, url) if ready else Observation(Phase.DEPLOYING)

    def logs(self, version_id: str, tail: int) -> list[str]:
        """Return the last lines of the function that runs."""
        found = self.of(version_id)
        if not found:
            return []
        query = urlencode({"name": found[0].name, "namespace": self._namespace, "tail": tail})
        return [_line(line) for line in self._api.lines(f"/system/logs?{query}")][-tail:]


def _authorization() -> dict[str, str]:
    user, password = secret("basic-auth-user"), secret("basic-auth-password")
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _reason(words: str) -> Reason | None:
    """Return why a function that wasn't made never will be; None if it may be later, or is no fault of the image."""
    if "pull" not in words:
        return None if "namespace" in words else Reason.IMAGE_REFUSED
    if any(each in words for each in ("not found", "denied", "unauthorized", "does not exist")):
        return Reason.IMAGE_UNAVAILABLE
    return None


def _line(line: bytes) -> str:
    try:
        return text(mapping(json.loads(line)).get("text")).rstrip("\n")
    except ValueError:
        return line.decode(errors="replace")
