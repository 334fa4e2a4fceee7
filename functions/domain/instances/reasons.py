"""Why an instance is as it is: a typed reason for programs, a message for people, and what happens next."""

from dataclasses import dataclass
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
    DELETE_REQUESTED = "delete_requested"
    PREPARING = "preparing"
    STARTING = "starting"
    UPDATING = "updating"
    AGENT_READY = "agent_ready"
    STOPPING = "stopping"
    DELETING = "deleting"
    AGENT_EXITED = "agent_exited"
    AGENT_UNRESPONSIVE = "agent_unresponsive"
    AGENT_STOPPED = "agent_stopped"
    REMOVED = "removed"
    CRASH_LOOP = "crash_loop"
    START_TIMED_OUT = "start_timed_out"
    STOP_TIMED_OUT = "stop_timed_out"
    DELETE_TIMED_OUT = "delete_timed_out"
    DRIVER_FAILED = "driver_failed"
    DRIVER_CANNOT_RUN_IMAGE = "driver_cannot_run_image"
    AGENTS_NOT_ALLOWED = "agents_not_allowed"
    IMAGE_UNAVAILABLE = "image_unavailable"
    IMAGE_REFUSED = "image_refused"
    BUNDLE_INVALID = "bundle_invalid"
    BUNDLE_LOST = "bundle_lost"


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

_WORDS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.CREATED: ("The instance was created.", "A worker prepares it and starts it."),
    Reason.START_REQUESTED: ("It is being started, as its owner asked.", "It runs as soon as its agent answers."),
    Reason.RESTART_REQUESTED: (
        "It is being started anew, as its owner asked.",
        "It runs as soon as its agent answers.",
    ),
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
    Reason.DELETE_REQUESTED: (
        "It is being deleted, as its owner asked.",
        "It is ended, then everything of it but its history is removed.",
    ),
    Reason.PREPARING: ("Its code and configuration are being put in place.", "It is started."),
    Reason.STARTING: ("The agent was started and has yet to answer.", "It runs as soon as it answers."),
    Reason.UPDATING: ("Its new version or configuration is being put in place.", "It is started."),
    Reason.AGENT_READY: ("The agent answers.", "It runs until somebody stops it."),
    Reason.AGENT_EXITED: ("The agent ended by itself.", _TRIED_AGAIN),
    Reason.AGENT_UNRESPONSIVE: ("The agent had stopped answering.", _TRIED_AGAIN),
    Reason.STOPPING: ("The agent is being stopped.", _ENDED),
    Reason.DELETING: ("The instance is being removed.", "Its agent is ended, and its files are deleted."),
    Reason.AGENT_STOPPED: ("The agent was stopped; its configuration is kept.", _START_AGAIN),
    Reason.REMOVED: ("The instance and its configuration are gone.", ""),
    Reason.CRASH_LOOP: ("The agent ended by itself {limit} times, one after another.", _START_AGAIN),
    Reason.START_TIMED_OUT: ("The agent was started, but didn't answer in time.", _START_AGAIN),
    Reason.STOP_TIMED_OUT: ("Stopping takes longer than it should.", "It is tried again until it succeeds."),
    Reason.DELETE_TIMED_OUT: ("Deleting takes longer than it should.", "It is tried again until it succeeds."),
    Reason.DRIVER_FAILED: ("The agent could not be started here.", _TRIED_AGAIN),
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
    Reason.AGENTS_NOT_ALLOWED: (
        "This installation runs no agents: whoever operates it hasn't allowed them to run unconfined.",
        "Nothing, until they are allowed and somebody starts it again.",
    ),
    Reason.BUNDLE_INVALID: (
        "This version's bundle can't be unpacked.",
        "Nothing: create an instance of another version.",
    ),
    Reason.BUNDLE_LOST: (
        "This version's bundle is no longer where bundles are kept.",
        "Nothing, until the same bundle is sent for publication again and somebody starts the instance.",
    ),
}


def explain(reason: Reason, **facts: float) -> Explanation:
    """Return a reason with its words. Those of a retry need the facts `seconds`, `attempt` and `limit`."""
    message, following = _WORDS[reason]
    return Explanation(reason, message.format(**facts), following.format(**facts))


def given_up(reason: Reason) -> Explanation:
    """Return a reason of a retry in the words of one that isn't tried again."""
    return Explanation(reason, _WORDS[reason][0], _START_AGAIN)
