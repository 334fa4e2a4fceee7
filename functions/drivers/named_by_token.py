"""Fencing where a platform has no compare-and-set: what is deployed carries its token in its name, and keeps it.

Whoever comes with an earlier token finds the later one and does nothing. If it looked before that was there, it can
only touch names that it has seen, and those are of tokens that are over.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final, Self

from pydantic import JsonValue

from functions.drivers.base import LABEL, Deployed, StaleToken, VersionDeployment, function_name
from functions.drivers.platform_api import number, text

SPEC: Final = "com.botberi.spec"
"""The label whose value two deployments share only if they are the same."""


def digest(deployment: VersionDeployment) -> str:
    """Return what two deployments share only if they are the same."""
    return hashlib.sha256(repr(astuple(deployment)).encode()).hexdigest()[:32]


def labels(deployment: VersionDeployment) -> dict[str, str]:
    """Return the labels by which a deployment is known again."""
    return {LABEL: deployment.version_id, SPEC: digest(deployment)}


def refuse_stale(version_id: str, present: int, token: int) -> None:
    """Raise StaleToken if what is `present` was deployed with a later token."""
    if present > token:
        raise StaleToken(f"{version_id} was deployed with token {present}, later than {token}")


@dataclass(frozen=True)
class Found:
    """A function or container of a version."""

    name: str
    version_id: str
    token: int
    spec: str
    created: datetime
    ended: bool
    """Whether it won't answer any more."""

    @classmethod
    def of(cls, name: str, labels: Mapping[str, JsonValue], created: datetime, *, ended: bool) -> Self:
        """Return what its name and labels tell."""
        token = number(name.rpartition("-")[2])
        return cls(name, text(labels.get(LABEL)), token, text(labels.get(SPEC)), created, ended)


class NamedByToken(ABC):
    """A driver of versions whose platform takes names and labels, and no more."""

    @abstractmethod
    def found(self) -> Sequence[Found]:
        """Return all that this installation has on the platform."""

    @abstractmethod
    def create(self, name: str, deployment: VersionDeployment) -> None:
        """Create what isn't there."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete it, if it is there."""

    @abstractmethod
    def rename(self, found: Found, name: str) -> None:
        """Give what runs the name with a later token, where the platform can without starting it anew."""

    def of(self, version_id: str) -> list[Found]:
        """Return what there is of one version: what runs before what has ended, the latest token first."""
        found = (each for each in self.found() if each.version_id == version_id)
        return sorted(found, key=lambda each: (each.ended, -each.token))

    def deploy(self, deployment: VersionDeployment, token: int) -> None:
        """Create what fits, unless it runs; then delete whatever else there is of the version."""
        found = self.of(deployment.version_id)
        _fence(deployment.version_id, found, token)
        fitting = next((each for each in found if not each.ended and each.spec == digest(deployment)), None)
        name = f"{function_name(deployment.version_id)}-{token}"
        if fitting is None:
            if any(each.name == name for each in found):
                self.delete(name)
            self.create(name, deployment)
        for each in found:
            if each is not fitting and (fitting is not None or each.name != name):
                self.delete(each.name)
        if fitting is not None and fitting.token < token:
            self.rename(fitting, name)

    def remove(self, version_id: str, token: int) -> None:
        """Delete all that there is of the version."""
        found = self.of(version_id)
        _fence(version_id, found, token)
        for each in found:
            self.delete(each.name)

    def inventory(self) -> list[Deployed]:
        """Return each function or container, of which a version may have two for a moment."""
        return [Deployed(each.version_id, each.token, each.created) for each in self.found()]


def _fence(version_id: str, found: Sequence[Found], token: int) -> None:
    refuse_stale(version_id, max((each.token for each in found), default=0), token)
