"""A subscriber on a schedule receives an event that tells the slot, and nothing else."""

import pytest

from events.catalog.accounts import AccountRegistered
from events.catalog.schedules import SharedPruningFallenDue, UserPruningFallenDue
from events.wire import CloudEvent
from functions.runtime.endpoint import declaration_of
from functions.runtime.subscriber import subscriber


def test_the_declaration_tells_schedule_and_time_zone() -> None:
    @subscriber(schedule="0 8 * * MON", timezone="Europe/Berlin")
    def greet(_event: UserPruningFallenDue) -> None:
        """Greet."""

    declared = declaration_of(greet)
    assert (declared.schedule, declared.timezone) == ("0 8 * * MON", "Europe/Berlin")
    assert declared.event_types == (UserPruningFallenDue.type,)


@pytest.mark.parametrize("kind", [AccountRegistered, CloudEvent, UserPruningFallenDue | SharedPruningFallenDue])
def test_any_other_event_is_refused(kind: object) -> None:
    def greet(_event: object) -> None:
        """Greet."""

    greet.__annotations__["_event"] = kind
    with pytest.raises(TypeError, match="receives one event type"):
        subscriber(schedule="0 8 * * *")(greet)
