"""What a driver is: where instances run. Every driver passes the suite in `functions/drivers/tests/suite.py`."""

from typing import Protocol

from functions.domain.instances.deployments import Deployment
from functions.domain.instances.plan import Observed
from functions.domain.instances.reasons import Reason


class CannotDeployError(Exception):
    """This driver will never run this version, however often it is tried."""

    def __init__(self, reason: Reason) -> None:
        """`reason` is shown to people."""
        super().__init__(reason)
        self.reason = reason


class StaleToken(Exception):
    """The call comes with a token that is out of date: nothing was done."""


class Driver(Protocol):
    """Runs instances, each known by its id. Every call is short, and doing it twice is doing it once.

    What changes something names the fencing token of the worker's lease. A call with an earlier token than was seen
    before raises StaleToken: a worker that was held up must not undo what its successor did.
    """

    def deploy(self, deployment: Deployment) -> None:
        """Put the instance in place and start it, unless it runs already. Raises CannotDeployError.

        Whether it answers, `observe` tells.
        """

    def observe(self, instance_id: str) -> Observed:
        """Return the state of the instance's process: running, exited or absent."""

    def stop(self, instance_id: str, token: int) -> None:
        """Have the instance end: gently at first, by force when it is called again seconds later.

        Once it has ended it is observed as absent.
        """

    def remove(self, instance_id: str, token: int) -> None:
        """Delete everything of an instance that has ended; one that hasn't is stopped instead."""
