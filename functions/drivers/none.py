"""The driver of installations that run no images: there is nothing, and nothing is deployed."""

from functions.domain.instances.reasons import Reason
from functions.drivers.base import CannotDeployError, Deployed, Observation, Phase, VersionDeployment


class NoDriver:
    """Refuses every version."""

    def deploy(self, _deployment: VersionDeployment, _token: int) -> None:
        """Refuse it."""
        raise CannotDeployError(Reason.DRIVER_CANNOT_RUN_IMAGE)

    def observe(self, _version_id: str) -> Observation:
        """Return that nothing is there."""
        return Observation(Phase.ABSENT)

    def remove(self, _version_id: str, _token: int) -> None:
        """Do nothing: there is nothing to remove."""

    def inventory(self) -> list[Deployed]:
        """Return an empty list."""
        return []

    def logs(self, _version_id: str, _tail: int) -> list[str]:
        """Return no line."""
        return []
