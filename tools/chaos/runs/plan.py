"""What is wanted of each run, and who is killed meanwhile: drawn from a seed."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WEIGHTS: Final = {
    "runner": 4,
    "runner-2": 4,
    "agent-host": 4,
    "gateway": 4,
    "host": 3,
    "subscribers": 2,
    "relay-shared": 2,
    "dispatcher": 1,
    "event_bus": 2,
    "user_redis": 2,
    "shared_psql": 3,
    "user_psql": 1,
}
"""Who is killed, and how often beside the others."""

LAST: Final = ("agent-host", "runner")
"""Who is killed when everything has been asked for: they have the most to catch up on."""

READ_THROUGH: Final = frozenset({"gateway", "host", "shared_psql", "user_psql", "user_redis"})
"""Whoever of them is away, it takes longer than usual to go on reading."""

RETRIES: Final = 3
"""Of the version that declares that it may be asked again; the other declares nothing."""

PIECES: Final = (20, 120)
PAUSE: Final = (0.004, 0.02)
"""Seconds from one piece to the next."""

_KINDS: Final[Mapping[str, int]] = {"stream": 9, "ask": 3, "fail": 3, "cancel": 3}


@dataclass(frozen=True)
class Wanted:
    """What is wanted of one run."""

    key: str
    """Nobody else's."""
    kind: str
    again: bool
    """Whether the version may be asked again when a call was lost or has failed."""
    pieces: int
    pause: float
    asks: int
    """Questions of the agent."""
    fails: int
    """Attempts that the agent breaks off."""
    cancel_after: float | None
    """Seconds after which it is cancelled."""
    twice: bool
    """Whether the message is sent again though it was answered."""
    by_ag_ui: bool
    """Whether it is asked for by AG-UI, which alone can read on what was."""

    def message(self, ledger: int) -> str:
        """Return what the agent is told."""
        told = {"key": self.key, "pieces": self.pieces, "pause": self.pause, "asks": self.asks, "fails": self.fails}
        return json.dumps({**told, "ledger": ledger})

    @property
    def seconds(self) -> float:
        """How long one call takes, about."""
        return self.pieces * self.pause


def wanted(seed: int, number: int) -> Wanted:
    """Return what is wanted of the run with a number."""
    chance = random.Random(f"{seed} {number}")
    [kind] = chance.choices(list(_KINDS), list(_KINDS.values()))
    pieces, pause = chance.randint(*PIECES), chance.uniform(*PAUSE)
    return Wanted(
        key=f"run-{number}",
        kind=kind,
        again=chance.random() < 0.5,
        pieces=pieces,
        pause=pause,
        asks=chance.randint(1, 2) if kind == "ask" else 0,
        fails=1 if kind == "fail" else 0,
        cancel_after=chance.uniform(0, pieces * pause) if kind == "cancel" else None,
        twice=chance.random() < 0.3,
        # There each answer begins another of its runs.
        by_ag_ui=kind != "ask" and chance.random() < 0.4,
    )
