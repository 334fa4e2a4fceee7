"""Conditions: what can be said of an instance beside its status, each true or not and with its reason."""

from dataclasses import dataclass
from enum import StrEnum

from functions.domain.instances.reasons import Reason
from shared_psql_models.instances import Instance
from shared_psql_models.statuses import DesiredState, Status, takes_messages


class ConditionType(StrEnum):
    """What is told."""

    READY = "ready"
    """It takes messages."""
    UP_TO_DATE = "up_to_date"
    """What serves is the generation that is wanted."""
    SETTLED = "settled"
    """It is as it is desired, or was given up: nothing is on its way."""
    QUARANTINED = "quarantined"
    """An administrator has set it apart: nobody can start it."""


@dataclass(frozen=True)
class Condition:
    """Whether something holds, and why."""

    type: ConditionType
    holds: bool
    reason: str
    message: str


_AS_DESIRED = {
    DesiredState.RUNNING: frozenset({Status.RUNNING, Status.FAILED}),
    DesiredState.STOPPED: frozenset({Status.STOPPED}),
    DesiredState.DELETED: frozenset({Status.DELETED}),
}


_ASLEEP = frozenset({Status.PENDING, Status.PROVISIONING, Status.STOPPED, Status.FAILED, Status.DELETED})
"""Before it was woken for the first time, or after its end."""


def may_be_awake(instance: Instance) -> bool:
    """Return whether an agent of an instance may be awake."""
    return instance.status not in _ASLEEP


def of_instance(instance: Instance) -> list[Condition]:
    """Return all of an instance's conditions."""
    current = instance.observed_generation == instance.generation
    if current:
        up_to_date = "observed", "What serves is what is wanted."
    elif instance.observed_generation is None:
        up_to_date = "never_ran", "It has not run yet."
    else:
        up_to_date = "outdated", f"Generation {instance.observed_generation} serves until the wanted one has answered."
    # What was asked for and isn't begun has a deadline, whatever the status.
    begun = instance.deadline_at is None and (current or instance.status != Status.RUNNING)
    settled = begun and instance.status in _AS_DESIRED[instance.desired_state]
    ready = takes_messages(instance.desired_state, instance.status)
    return [
        Condition(ConditionType.READY, ready, instance.reason, instance.message),
        Condition(ConditionType.UP_TO_DATE, current, *up_to_date),
        Condition(ConditionType.SETTLED, settled, instance.reason, instance.next or instance.message),
        _quarantined(instance),
    ]


def _quarantined(instance: Instance) -> Condition:
    if instance.quarantine_reason is None:
        return Condition(ConditionType.QUARANTINED, False, "not_quarantined", "It may be started.")
    return Condition(ConditionType.QUARANTINED, True, Reason.QUARANTINED, instance.quarantine_reason)
