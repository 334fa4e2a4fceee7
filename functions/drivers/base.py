"""What a driver is: where versions that are images run.

Every driver passes the suite in `functions/drivers/tests/version_suite.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final, Protocol

from functions.domain.instances.reasons import Reason


class CannotDeployError(Exception):
    """This driver will never run this version, however often it is tried."""

    def __init__(self, reason: Reason, message: str = "") -> None:
        """`reason` is shown to people; `message` is what the platform said, for whoever published or operates it."""
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


class StaleToken(Exception):
    """The call comes with a token that is out of date: nothing was done."""


class DriverUnavailable(OSError):
    """The platform can't do it now, or said something that nobody expects: the same call may succeed later."""


class Phase(StrEnum):
    """How far a version's deployment is."""

    ABSENT = "absent"
    """Nothing of it is there."""
    DEPLOYING = "deploying"
    """It is there and doesn't answer yet."""
    READY = "ready"
    """It answers, or the platform starts it as soon as it is asked."""
    FAILED = "failed"
    """It won't answer unless it is deployed anew, which `deploy` does."""


@dataclass(frozen=True)
class Observation:
    """What is seen of a version's deployment."""

    phase: Phase
    url: str | None = None
    """Where requests go, when it is ready; it may differ after the next `deploy`."""
    reason: Reason | None = None
    """Why it failed."""
    message: str = ""
    """What the platform said about a failure, for whoever published or operates it."""


@dataclass(frozen=True)
class VersionDeployment:
    """What it takes to run a version that is an image. It never changes for one `version_id`, but for its limits."""

    version_id: str
    image: str
    """An OCI reference."""
    port: int = 8080
    """Where its container listens, on every address; the variable PORT says so too."""
    memory: int = 256
    """MiB, of each replica."""
    millicores: int = 1000
    """Thousandths of a processor, of each replica."""
    concurrency: int = 8
    """Requests that one replica handles at a time, where the platform can hold it to that."""
    timeout: int = 60
    """Seconds that a request may take."""
    most_replicas: int = 5
    """Where the platform can run more than one."""


@dataclass(frozen=True)
class Deployed:
    """An entry of a driver's inventory."""

    version_id: str
    token: int
    """The fencing token with which it was deployed."""
    created: datetime
    """When its platform says that it was made."""


class VersionDriver(Protocol):
    """Runs each version that is an image as one function, which serves all instances of the version.

    Every call is bounded in time, and doing it twice is doing it once. Any call may raise an OSError: the platform was
    slow, away or confused, nothing is known of the outcome, and the call is to be repeated; a TimeoutError means that
    what was asked for may still go on. What changes something names the fencing token of the lease on the version, and
    raises StaleToken when it is earlier than that of what is deployed. A token is forgotten with the deployment; what
    comes too late then and deploys once more is found by the inventory.
    """

    def deploy(self, deployment: VersionDeployment, token: int, /) -> None:
        """Have the version run, unless it does. Raises CannotDeployError.

        What has failed is deployed anew. Whether it answers, `observe` tells: it may take a pull of the image.
        """

    def observe(self, version_id: str, /) -> Observation:
        """Return what is seen of the version's deployment."""

    def remove(self, version_id: str, token: int, /) -> None:
        """Take away everything of a version, if anything is there. Requests under way may be cut off."""

    def inventory(self) -> list[Deployed]:
        """Return what this installation has deployed and nobody else's, in whatever phase, in no order."""

    def logs(self, version_id: str, tail: int, /) -> list[str]:
        """Return the last lines that the version's containers printed, `tail` and a MiB at most; none if it's absent.

        They are whatever its author chose to print.
        """


LABEL: Final = "com.botberi.version"
"""By this label or annotation, whose value is the version's id, drivers know what is deployed."""

USER: Final = 10001
"""As whom containers run, whatever user their image names."""

TMP: Final = str(PurePosixPath("/", "tmp"))
"""What alone they may write to: 64 MiB, which are memory."""


def function_name(version_id: str) -> str:
    """Return a version's name on platforms whose names are DNS labels: `ver-0197…` for `ver_0197…`."""
    return version_id.replace("_", "-")
