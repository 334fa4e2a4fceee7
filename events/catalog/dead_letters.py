"""Events about what is stuck in the event path, from the database in which it is kept."""

from typing import Literal

from events.event import Event


class DeadLettersResolved(
    Event,
    type="com.botberi.dead_letter.resolved.v1",
    subject="action_id",
    produced_by=("shared_psql/broker", "user_psql/broker", "shared_psql/admin", "user_psql/admin"),
):
    """An operator redrove or discarded dead letters or parked events.

    Said once for each action, however many dead letters it was about: an event for each would double what is stuck when
    those who receive it are what fails.
    """

    action_id: str
    """The action, `act_…`."""
    resolution: Literal["redriven", "discarded"]
    """What was done with them."""
    dead_letters: list[str]
    """Those that it was about, `ded_…`, oldest first."""
    reason: str | None
    """The reason that the operator gave; those who discard have to give one."""
