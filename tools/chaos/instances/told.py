"""What owners were told of their instances, to be held against what is so."""

import time
from dataclasses import dataclass, field

from shared_psql_models.statuses import DesiredState


@dataclass(frozen=True)
class Accepted:
    """A message that was answered."""

    sent: float
    """By the monotonic clock, as all times here."""
    text: str
    """What was said."""
    answer: str
    oldest: int
    """The change that was known to serve when it was sent."""
    newest: int
    """The last change that had been asked for when it was answered."""


@dataclass
class Promised:
    """What one instance's owner has asked for, and was told."""

    name: str
    """Nobody else's."""
    owner_id: str
    ids: set[str] = field(default_factory=set)
    """What creating it was answered with: one, however often it was repeated."""
    desired: DesiredState = DesiredState.RUNNING
    """What was accepted last."""
    changes: int = 0
    """How often its config was changed, as far as that was accepted."""
    asked: int = 0
    """The same, as far as it was asked for."""
    serving: int = 0
    """The last change that was seen to serve."""
    spoiled: int = 0
    """How often a change was accepted that has to be taken back."""
    closed: list[tuple[float, float]] = field(default_factory=list)
    """From when a stop or deletion was acknowledged to when it was asked for again to run; infinity for not yet."""
    accepted: list[Accepted] = field(default_factory=list)

    def prefix(self, change: int) -> str:
        """Return what its agent says before each answer after a change of its config."""
        return f"{self.name}.{change} "

    def close(self) -> None:
        """Note that from now on no message may be accepted."""
        self.closed.append((time.monotonic(), float("inf")))

    def reopen(self) -> None:
        """Note that messages may be accepted again."""
        if self.closed:
            self.closed[-1] = (self.closed[-1][0], time.monotonic())
