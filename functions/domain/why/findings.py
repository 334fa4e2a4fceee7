"""Findings: where something waits now, what happens next, and what somebody can do about it, in words."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from functions.domain.api_errors import NotFound


class NothingKnown(NotFound):
    """Nothing is known of this id: it never was, or all of it was forgotten by now."""


class Code(StrEnum):
    """Every finding there is; part of the public API, and there may be more."""

    RELAY_STOPPED = "relay_stopped"
    RELAY_BEHIND = "relay_behind"
    EVENT_PARKED = "event_parked"
    EVENT_DEAD = "event_dead"
    SUBSCRIBER_FAILING = "subscriber_failing"
    MAIL_SERVER_AWAY = "mail_server_away"
    SUBSCRIBER_WAITING = "subscriber_waiting"
    EVENT_HANDLED = "event_handled"
    INPUT_AWAITED = "input_awaited"
    LEASE_LOST = "lease_lost"
    AGENT_AT_WORK = "agent_at_work"
    RUNNER_STOPPED = "runner_stopped"
    TURN_AWAITED = "turn_awaited"
    EARLIER_RUN = "earlier_run"
    CANCEL_REQUESTED = "cancel_requested"
    AGENT_HOST_AWAY = "agent_host_away"
    AGENT_HOST_FULL = "agent_host_full"
    RUN_ENDED = "run_ended"
    QUARANTINED = "quarantined"
    KILL_SWITCH = "kill_switch"
    OWNER_SUSPENDED = "owner_suspended"
    OWNER_UNVERIFIED = "owner_unverified"
    BUDGET_EXHAUSTED = "budget_exhausted"
    AGENT_FAILS = "agent_fails"
    WORKER_STOPPED = "worker_stopped"
    WORKER_AT_WORK = "worker_at_work"
    RETRY_AWAITED = "retry_awaited"
    INSTANCE_STOPPED = "instance_stopped"
    INSTANCE_RUNNING = "instance_running"
    DELETED = "deleted"
    PURGE_AWAITED = "purge_awaited"
    ACCOUNT_OPEN = "account_open"
    SESSION_OPEN = "session_open"
    SESSION_ENDED = "session_ended"
    VERSION_PUBLISHED = "version_published"
    VERSION_DEPRECATED = "version_deprecated"
    VERSION_YANKED = "version_yanked"


@dataclass(frozen=True)
class Finding:
    """Where something waits, or that it doesn't."""

    code: Code
    now: str
    """Where it is or waits now."""
    next: str
    """What happens next; empty when nothing does."""
    to_do: str
    """What somebody can do about it; empty when there is nothing to be done."""
    by: datetime | None = None
    """When that is late, or happens."""


@dataclass(frozen=True)
class Link:
    """Something that happened, as a row says it."""

    at: datetime
    what: str
    who: str
    id: str
    """Of the event, dead letter or whatever else the row is about."""


@dataclass(frozen=True)
class Answer:
    """Why something is as it is: what happened, oldest first, and where it waits."""

    id: str
    kind: str
    finding: Finding
    chain: list[Link] = field(default_factory=list)


_NOTHING: Final = ""
_READ_DEAD_LETTER: Final = "Read `GET /v1/dead-letters/{dead_letter}`, mend the cause, then redrive or discard it."

_WORDS: Final[dict[Code, tuple[str, str, str]]] = {
    Code.RELAY_STOPPED: (
        "It waits in the outbox of {database}, from which no relay reads.",
        "It is published as soon as a relay runs. Nothing is lost.",
        "Start `python -m events.relay {database}`, and see the log of the one that has ended.",
    ),
    Code.RELAY_BEHIND: (
        "It waits in the outbox of {database} for its relay, with {waiting} events in all.",
        "The relay publishes them in their order.",
        "Nothing at first. If it lasts, see whether RabbitMQ answers, and what the relay logs.",
    ),
    Code.EVENT_PARKED: ("It can't be published: {cause}.", "Nothing, until somebody sees to it.", _READ_DEAD_LETTER),
    Code.EVENT_DEAD: (
        "The subscriber {subscriber} was given it {attempts} times and could not handle it: {cause}.",
        "Nothing, until somebody sees to it.",
        _READ_DEAD_LETTER,
    ),
    Code.SUBSCRIBER_FAILING: (
        "The subscriber {subscriber} fails on it, and has {attempts} times: it waits in the retry store.",
        "It is tried again, more and more seldom, and becomes a dead letter in the end.",
        "See what the function {subscriber} logs. It goes on by itself when that handles it.",
    ),
    Code.MAIL_SERVER_AWAY: (
        "Its mail could not be sent, {attempts} times so far: it waits in the retry store.",
        "It is tried again, more and more seldom, and becomes a dead letter in the end.",
        "See whether the mail server answers that `SMTP_URL` names, and what the function send_mail logs.",
    ),
    Code.SUBSCRIBER_WAITING: (
        "It was published, and {subscriber} has yet to handle it.",
        "The dispatcher hands it over as soon as the function is ready for it.",
        "Nothing at first. If it lasts, see `botberi events status` for the queue and its consumers.",
    ),
    Code.EVENT_HANDLED: ("It was published, and whoever receives it has handled it.", _NOTHING, _NOTHING),
    Code.INPUT_AWAITED: (
        "Its agent has asked for something, and nothing of it runs until that is answered.",
        "It goes on with the answer, or fails at its deadline.",
        "Its owner answers by `POST /v1/runs/{run}/input`.",
    ),
    Code.LEASE_LOST: (
        "Whoever worked on it has not renewed the lease: the process was ended, or can't reach Postgres.",
        "Another takes it over within seconds. A run is tried again if its version allows that, and fails otherwise.",
        "See that at least one {worker} runs, and why the other has ended.",
    ),
    Code.AGENT_AT_WORK: (
        "Its agent is at work.",
        "It ends with the agent's answer, or at its deadline.",
        "Nothing. To end it: `POST /v1/admin/runs/{run}/cancel`.",
    ),
    Code.RUNNER_STOPPED: (
        "It waits for its turn, and no runner takes any: not one run is at work.",
        "A runner takes it as soon as one runs, or it fails at its deadline.",
        "Start `python -m functions.services.runner`, or see what it logs.",
    ),
    Code.TURN_AWAITED: (
        "It waits for its turn: {cause}",
        "A runner takes it when its turn comes, or it fails at its deadline.",
        "Nothing, unless that lasts: then see whether there are runners and agent hosts enough.",
    ),
    Code.EARLIER_RUN: (
        "It waits for {earlier}, an earlier run of its conversation, which is {status}.",
        "Its turn comes when that has ended.",
        "See `GET /v1/admin/why/{earlier}`.",
    ),
    Code.CANCEL_REQUESTED: (
        "It is to be cancelled: {cause}.",
        "Whoever works on it ends it within seconds.",
        "Nothing, unless that lasts: then see whether a runner runs.",
    ),
    Code.AGENT_HOST_AWAY: (
        "No agent host can be reached that would take it.",
        "It is tried again every two seconds until one does.",
        "Start an agent host, or see whether `AGENT_HOST_URL` leads to one.",
    ),
    Code.AGENT_HOST_FULL: (
        "The agent hosts have no room for another agent at work.",
        "It is tried again several times a second, until there is room.",
        "Start another agent host, or give those that there are more calls.",
    ),
    Code.RUN_ENDED: ("It has ended as {status}: {cause}", _NOTHING, _NOTHING),
    Code.QUARANTINED: (
        "An administrator has set the instance apart: {cause}",
        "Nothing: nobody can start it.",
        "When the cause is mended: `POST /v1/admin/instances/{instance}/release`, then its owner starts it.",
    ),
    Code.KILL_SWITCH: (
        "A kill switch keeps it from running: {cause}",
        "Nothing, until that is released.",
        "When the cause is mended: `POST /v1/admin/kill-switches/{switch}/release`, then its owner starts it.",
    ),
    Code.OWNER_SUSPENDED: (
        "Its owner's account is suspended: nothing of it runs.",
        "Nothing, until the account is restored.",
        "When that is over: `POST /v1/admin/accounts/{account}/restore`, then its owner starts it.",
    ),
    Code.OWNER_UNVERIFIED: (
        "The account's address isn't verified: it can't launch or start anything.",
        "It can as soon as its owner has followed the mail.",
        "Its owner asks for another mail, `POST /v1/auth/verify-email/resend`, or `botberi users verify {account}`.",
    ),
    Code.BUDGET_EXHAUSTED: (
        "A budget has no room for another run: {cause}.",
        "Messages are refused until it is counted anew.",
        "Whoever has set it can raise it: {raise_it}.",
    ),
    Code.AGENT_FAILS: (
        "Its agent doesn't start: {cause}",
        "Nothing, until somebody starts it again.",
        "Its owner reads its log and mends the cause. Then start it, or `POST …/instances/{instance}/reconcile`.",
    ),
    Code.WORKER_STOPPED: (
        "It waits for a worker, which should have looked at it {seconds} s ago.",
        "The sweep hands it to a worker as soon as one runs.",
        "Start a Celery worker, or see what it logs, and whether it reaches Redis and Postgres.",
    ),
    Code.WORKER_AT_WORK: (
        "A worker is at it: {cause}",
        "{following}",
        "Nothing, unless its deadline passes: then `POST /v1/admin/instances/{instance}/reconcile`.",
    ),
    Code.RETRY_AWAITED: ("It waits to be tried again: {cause}", "{following}", "Its owner may read in its log why."),
    Code.INSTANCE_STOPPED: ("It is stopped: {cause}", _NOTHING, "Its owner may start it again."),
    Code.INSTANCE_RUNNING: ("It takes messages.", _NOTHING, _NOTHING),
    Code.DELETED: ("It is deleted: {cause}", _NOTHING, _NOTHING),
    Code.PURGE_AWAITED: (
        "Its owner has deleted the account.",
        "All of it is purged.",
        "Until then it can be restored: `POST /v1/admin/accounts/{account}/restore`.",
    ),
    Code.ACCOUNT_OPEN: ("Its owner can log in, and launch instances.", _NOTHING, _NOTHING),
    Code.SESSION_OPEN: ("It is open.", "It ends if it isn't refreshed.", _NOTHING),
    Code.SESSION_ENDED: ("It has ended: {cause}.", _NOTHING, "Its owner logs in anew."),
    Code.VERSION_PUBLISHED: ("It can be launched.", _NOTHING, _NOTHING),
    Code.VERSION_DEPRECATED: ("It can be launched, though better not: {cause}", _NOTHING, _NOTHING),
    Code.VERSION_YANKED: (
        "Nobody can launch it: {cause}",
        "What runs of it goes on.",
        "To take that back, change its status to `published`.",
    ),
}


def find(code: Code, by: datetime | None = None, **facts: object) -> Finding:
    """Return a finding with its words, which need these facts. A `cause` is a sentence."""
    now, following, to_do = (words.format(**facts) for words in _WORDS[code])
    return Finding(code, now, following, to_do, by)
