"""What a runner may be told."""

from dataclasses import dataclass
from typing import Final, Self

from core.configuration import setting
from functions.domain.runs.claiming import Bounds

DEFAULTS: Final = {
    "RUNNER_RUNS": "256",
    "RUNNER_GRACE_SECONDS": "640",
    "RUNS_OF_OWNER": "32",
    "RUNS_OF_INSTANCE": "4",
    "RUN_LEASE_SECONDS": "15",
}


@dataclass(frozen=True)
class Settings:
    """The settings of one runner."""

    runs: int
    """Runs that it works on at a time."""
    grace: float
    """Seconds that those under way have when it is told to stop."""
    bounds: Bounds
    lease: float
    """Seconds after which runs of a runner that is gone are taken over."""

    @classmethod
    def read(cls) -> Self:
        """Read them from the environment."""
        told = {name: float(setting(name, default) or default) for name, default in DEFAULTS.items()}
        return cls(
            runs=int(told["RUNNER_RUNS"]),
            grace=told["RUNNER_GRACE_SECONDS"],
            bounds=Bounds(owner=int(told["RUNS_OF_OWNER"]), instance=int(told["RUNS_OF_INSTANCE"])),
            lease=told["RUN_LEASE_SECONDS"],
        )
