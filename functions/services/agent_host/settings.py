"""What an agent host may be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from core.configuration import setting

DEFAULTS: Final = {
    "AGENT_HOST_FOLDER": "/tmp/agents",  # nosec B108 # noqa: S108 - a volume of its own
    "THREADS": "256",
    "AGENT_HOST_AWAKE": "128",
    "AGENT_IDLE_SECONDS": "60",
    "AGENT_EGRESS": "public",
    "AGENT_LOGS_URL": "",
    "AGENT_MEMORY_URL": "",
    "AGENT_SANDBOX": "",
}


@dataclass(frozen=True)
class Settings:
    """The settings of one host."""

    folder: Path
    """Where code and the agents' own folders are."""
    calls: int
    """Calls that are at work at a time."""
    awake: int
    """Agents that are awake at a time."""
    idle_seconds: float
    """How long an agent that is asked nothing stays awake."""
    egress: str
    """What agents may connect to: `none`, `public` (addresses) or `all`."""
    logs_url: str
    """Where what agents write is kept; nowhere if it is empty."""
    memory_url: str
    """Where agents' memories are kept; they have none if it is empty."""
    bounded: bool
    """Whether agents are kept from what this process may do; without it they may do all of that."""

    @property
    def of_an_owner(self) -> int:
        """The part of either that one owner may take."""
        return max(4, min(self.calls, self.awake) // 4)

    @classmethod
    def read(cls) -> Self:
        """Read them from the environment."""
        told = {name: setting(name, default) or default for name, default in DEFAULTS.items()}
        return cls(
            Path(told["AGENT_HOST_FOLDER"]).absolute(),
            int(told["THREADS"]),
            int(told["AGENT_HOST_AWAKE"]),
            float(told["AGENT_IDLE_SECONDS"]),
            told["AGENT_EGRESS"],
            told["AGENT_LOGS_URL"],
            told["AGENT_MEMORY_URL"],
            told["AGENT_SANDBOX"] != "none",
        )
