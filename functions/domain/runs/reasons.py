"""Why a run has its status: a typed reason for programs, and an explanation for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from functions.domain.instances.reasons import Reason as InstanceReason


class Reason(StrEnum):
    """Every reason there is; part of the public API."""

    ACCEPTED = "accepted"
    ANSWERED = "answered"
    TRIED_AGAIN = "tried_again"
    AGENT_BUSY = "agent_busy"
    OWNER_BUSY = "owner_busy"
    PLATFORM_FULL = "platform_full"
    AGENT_UNAVAILABLE = "agent_unavailable"
    INSTANCE_NOT_READY = "instance_not_ready"
    STARTED = "started"
    INPUT_WANTED = "input_wanted"
    COMPLETED = "completed"
    AGENT_FAILED = "agent_failed"
    AGENT_RESPONSE_INVALID = "agent_response_invalid"
    AGENT_TIMED_OUT = "agent_timed_out"
    INSTANCE_FAILED = "instance_failed"
    SECRETS_UNAVAILABLE = "secrets_unavailable"
    HOST_LOST = "host_lost"
    RUNNER_LOST = "runner_lost"
    BUDGET_EXCEEDED = "budget_exceeded"
    NOT_STARTED = "not_started"
    INPUT_NOT_GIVEN = "input_not_given"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED_BY_ADMINISTRATOR = "cancelled_by_administrator"
    INSTANCE_STOPPED = "instance_stopped"
    INSTANCE_DELETED = "instance_deleted"
    STOPPED_BY_ADMINISTRATOR = "stopped_by_administrator"
    STOPPED_BY_OPERATOR = "stopped_by_operator"


@dataclass(frozen=True)
class Explanation:
    """A reason with its words."""

    reason: Reason
    explanation: str


_WORDS: Final[dict[Reason, str]] = {
    Reason.ACCEPTED: "It waits for its turn.",
    Reason.ANSWERED: "What the agent asked for was answered; it waits for its turn.",
    Reason.TRIED_AGAIN: "It is tried again: {cause}.",
    Reason.AGENT_BUSY: "The agent answers as many messages at a time as it may; it waits for its turn.",
    Reason.OWNER_BUSY: "As many of your agents are at work as may be at a time; it waits for its turn.",
    Reason.PLATFORM_FULL: "The platform has no room for another agent at work just now; it waits for its turn.",
    Reason.AGENT_UNAVAILABLE: "No agent host takes it just now; it is tried again until one does.",
    Reason.INSTANCE_NOT_READY: "Its instance isn't running just now; it waits until it is.",
    Reason.STARTED: "The agent answers.",
    Reason.INPUT_WANTED: "The agent asks for something: it goes on when that is answered.",
    Reason.COMPLETED: "The agent has answered.",
    Reason.AGENT_FAILED: "{cause}.",
    Reason.AGENT_RESPONSE_INVALID: "{cause}.",
    Reason.AGENT_TIMED_OUT: "The agent took longer than the {seconds} seconds that it had.",
    Reason.INSTANCE_FAILED: "Its instance failed before it could be answered.",
    Reason.SECRETS_UNAVAILABLE: "The instance's secrets can't be opened: whoever runs this service has to see to it.",
    Reason.HOST_LOST: "The agent's host was lost while it answered.",
    Reason.RUNNER_LOST: "The platform lost it while the agent was at work, and this agent isn't asked twice.",
    Reason.BUDGET_EXCEEDED: "The agent reported a cost of {cost}, and by its budget a run may cost {most}.",
    Reason.NOT_STARTED: "Its turn didn't come in time.",
    Reason.INPUT_NOT_GIVEN: "What the agent asked for wasn't answered in time.",
    Reason.CANCEL_REQUESTED: "It was cancelled, as its owner asked.",
    Reason.CANCELLED_BY_ADMINISTRATOR: "It was cancelled by an administrator.",
    Reason.INSTANCE_STOPPED: "It was cancelled, because its owner has stopped the instance.",
    Reason.INSTANCE_DELETED: "It was cancelled, because its owner has deleted the instance.",
    Reason.STOPPED_BY_ADMINISTRATOR: "It was cancelled, because an administrator has stopped the instance.",
    Reason.STOPPED_BY_OPERATOR: "It was cancelled, because whoever runs this service has stopped the instance.",
}

_OF_INSTANCES: Final[dict[str, Reason]] = {
    InstanceReason.DELETE_REQUESTED: Reason.INSTANCE_DELETED,
    InstanceReason.STOPPED_BY_ADMINISTRATOR: Reason.STOPPED_BY_ADMINISTRATOR,
    InstanceReason.QUARANTINED: Reason.STOPPED_BY_ADMINISTRATOR,
    InstanceReason.DELETED_BY_ADMINISTRATOR: Reason.STOPPED_BY_ADMINISTRATOR,
    InstanceReason.STOPPED_BY_OPERATOR: Reason.STOPPED_BY_OPERATOR,
}


def explain(reason: Reason, **facts: float | str) -> Explanation:
    """Return a reason with its words. A `cause` is a sentence without its full stop."""
    return Explanation(reason, _WORDS[reason].format(**facts))


def because(reason: Reason, given: str) -> Explanation:
    """Return a reason with the words that an administrator has given for it."""
    return Explanation(reason, f"{_WORDS[reason]} {given}")


def of_instance(reason: str) -> Reason:
    """Return why a run is cancelled whose instance somebody asked to stop or to be deleted, for this reason."""
    return _OF_INSTANCES.get(reason, Reason.INSTANCE_STOPPED)
