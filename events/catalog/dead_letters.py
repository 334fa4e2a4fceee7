"""Events about what is stuck in the event path, from the database in which it is kept."""

from typing import Literal

from events.event import Event


class DeadLettersResolved(
    Event,
    type="com.botberi.dead_letter.resolved.v1",
    subject="act_id",
    produced_by=("shared_psql/broker", "user_psql/broker"),
):
    """An operator redrove or discarded dead letters or parked events.

    Said once for each act, however many letters it was about: an event for each would double what is stuck when those
    who receive it are what fails.
    """

    act_id: str
    """The act, `act_…`."""
    resolution: Literal["redriven", "discarded"]
    """What was done with them."""
    letters: list[str]
    """Those that it was about, `ded_…`, oldest first."""
    why: str | None
    """The reason that the operator gave; those who discard have to give one."""
