"""Why an instance is as it is: a typed reason for programs, a message for people, and what happens next."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Every reason there is; part of the public API."""

    CREATED = "created"
    START_REQUESTED = "start_requested"
    RESTART_REQUESTED = "restart_requested"
    UPDATE_REQUESTED = "update_requested"
    STOP_REQUESTED = "stop_requested"
    STOPPED_BY_ADMINISTRATOR = "stopped_by_administrator"
    STOPPED_BY_OPERATOR = "stopped_by_operator"
    RESTARTED_BY_ADMINISTRATOR = "restarted_by_administrator"
    RECONCILED_BY_ADMINISTRATOR = "reconciled_by_administrator"
    QUARANTINED = "quarantined"
    RELEASED_FROM_QUARANTINE = "released_from_quarantine"
    DELETE_REQUESTED = "delete_requested"
    DELETED_BY_ADMINISTRATOR = "deleted_by_administrator"
    PREPARING = "preparing"
    STARTING = "starting"
    AGENT_READY = "agent_ready"
    STOPPING = "stopping"
    DELETING = "deleting"
    UPDATING = "updating"
    UPDATED = "updated"
    UPDATE_ROLLED_BACK = "update_rolled_back"
    AGENT_EXITED = "agent_exited"
    AGENT_STOPPED = "agent_stopped"
    REMOVED = "removed"
    CRASH_LOOP = "crash_loop"
    START_TIMED_OUT = "start_timed_out"
    HOST_UNREACHABLE = "host_unreachable"
    STOPPED_UNSEEN = "stopped_unseen"
    REMOVED_UNSEEN = "removed_unseen"
    PREPARE_FAILED = "prepare_failed"
    NOT_PREPARED = "not_prepared"
    DRIVER_FAILED = "driver_failed"
    DRIVER_CANNOT_RUN_IMAGE = "driver_cannot_run_image"
    IMAGE_UNAVAILABLE = "image_unavailable"
    IMAGE_REFUSED = "image_refused"
    SECRETS_UNREADABLE = "secrets_unreadable"


@dataclass(frozen=True)
class Explanation:
    """A reason with its message."""

    reason: Reason
    message: str
    next: str
    """What happens next; empty when nothing does."""


_START_AGAIN: Final = "Nothing, until somebody starts it again."
_WHEN_IT_ANSWERS: Final = "It runs as soon as its agent answers."
_ENDED: Final = "It is given a few seconds to finish, then it is ended."
_TRIED_AGAIN: Final = "It is started again in {seconds:g} s: try {attempt} of {limit}."
_UNSEEN: Final = (
    "Its agent host couldn't be reached: what may be awake of it there is asked nothing and ends by itself."
)

_WORDS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.CREATED: ("The instance was created.", "A worker prepares it and starts it."),
    Reason.START_REQUESTED: ("It is being started, as its owner asked.", _WHEN_IT_ANSWERS),
    Reason.RESTART_REQUESTED: ("It is being started anew, as its owner asked.", _WHEN_IT_ANSWERS),
    Reason.UPDATE_REQUESTED: (
        "It is being changed, as its owner asked.",
        "What is new is tried first: until it has answered, everything stays as it was.",
    ),
    Reason.STOP_REQUESTED: ("It is being stopped, as its owner asked.", _ENDED),
    Reason.STOPPED_BY_ADMINISTRATOR: ("It is being stopped, as an administrator asked.", _ENDED),
    Reason.STOPPED_BY_OPERATOR: (
        "It is being stopped by whoever runs this service.",
        "It can be started again when that is over.",
    ),
    Reason.RESTARTED_BY_ADMINISTRATOR: ("It is being started anew, as an administrator asked.", _WHEN_IT_ANSWERS),
    Reason.RECONCILED_BY_ADMINISTRATOR: (
        "An administrator has asked a worker to look at it anew.",
        "What is desired of it stays as it is: it is made so, if it isn't.",
    ),
    Reason.QUARANTINED: (
        "An administrator has set it apart.",
        "It stays stopped, and nobody can start it, until an administrator releases it.",
    ),
    Reason.RELEASED_FROM_QUARANTINE: ("An administrator has released it.", "It can be started again."),
    Reason.DELETE_REQUESTED: (
        "It is being deleted, as its owner asked.",
        "It is ended, then everything of it but its history is removed.",
    ),
    Reason.DELETED_BY_ADMINISTRATOR: (
        "It is being deleted, as an administrator asked.",
        "It is ended if an agent host answers, and removed in any case; everything of it but its history goes.",
    ),
    Reason.PREPARING: ("Its version's code is being put in place.", "It is started."),
    Reason.STARTING: ("The agent is being started to see that it answers.", "It runs as soon as it has answered."),
    Reason.AGENT_READY: ("The agent answers.", "It is woken by messages until somebody stops it."),
    Reason.UPDATING: (
        "Its new generation is being tried beside the one that serves.",
        "It takes over as soon as it has answered; if it doesn't, all stays as it was.",
    ),
    Reason.UPDATED: ("Its new generation answers.", "It is woken by messages until somebody stops it."),
    Reason.UPDATE_ROLLED_BACK: ("The change was taken back: {cause}.", "It goes on as it was before the change."),
    Reason.AGENT_EXITED: ("The agent didn't start: {cause}.", _TRIED_AGAIN),
    Reason.STOPPING: ("The agent is being stopped.", _ENDED),
    Reason.DELETING: ("The instance is being removed.", "Its agent is ended, and its configuration is deleted."),
    Reason.AGENT_STOPPED: ("The agent was stopped; its configuration is kept.", _START_AGAIN),
    Reason.STOPPED_UNSEEN: (f"The instance was stopped. {_UNSEEN}", _START_AGAIN),
    Reason.REMOVED: ("The instance and its configuration are gone.", ""),
    Reason.REMOVED_UNSEEN: (f"The instance and its configuration are gone. {_UNSEEN}", ""),
    Reason.CRASH_LOOP: ("The agent didn't start {limit} times, one after another: {cause}.", _START_AGAIN),
    Reason.START_TIMED_OUT: ("The agent was started, but didn't answer in time.", _TRIED_AGAIN),
    Reason.HOST_UNREACHABLE: (
        "No agent host takes it just now; that is no fault of the agent's.",
        "It is tried again until one does.",
    ),
    Reason.PREPARE_FAILED: (
        "This version's code can't be put in place: {cause}.",
        "Nothing: create an instance of another version.",
    ),
    Reason.NOT_PREPARED: ("This version's code couldn't be put in place: {cause}.", _TRIED_AGAIN),
    Reason.DRIVER_FAILED: ("The platform on which images run could not run it: {cause}.", _TRIED_AGAIN),
    Reason.SECRETS_UNREADABLE: (
        "Its secrets can't be opened: whoever operates this installation has to see to the master keys.",
        _TRIED_AGAIN,
    ),
    Reason.DRIVER_CANNOT_RUN_IMAGE: (
        "This version is an image, and nothing here runs images.",
        "Nothing: create an instance of a version that is a bundle.",
    ),
    Reason.IMAGE_UNAVAILABLE: (
        "This version's image can't be fetched from its registry.",
        "Nothing, until the image is there and somebody starts it again.",
    ),
    Reason.IMAGE_REFUSED: (
        "The platform on which images run here refuses to run this version's.",
        "Nothing: create an instance of another version, or ask whoever operates this installation.",
    ),
}


def explain(reason: Reason, **facts: float | str) -> Explanation:
    """Return a reason with its words. Those of a retry need the facts `seconds`, `attempt` and `limit`.

    A `cause` is a sentence without its full stop.
    """
    message, following = _WORDS[reason]
    return Explanation(reason, message.format(**facts), following.format(**facts))


def because(reason: Reason, given: str) -> Explanation:
    """Return a reason with the words that an administrator has given for it, which the instance's owner reads."""
    explanation = explain(reason)
    return replace(explanation, message=f"{explanation.message} {given}")


def given_up(reason: Reason, cause: str) -> Explanation:
    """Return a reason of a retry in the words of one that isn't tried again."""
    return Explanation(reason, _WORDS[reason][0].format(cause=cause), _START_AGAIN)
