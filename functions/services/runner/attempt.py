"""An attempt: one call of an agent for a run, from the claim to whatever becomes of it.

It runs on a thread of its own. The host says several times a second that the call goes on, so whoever cancels it is
heard soon.
"""

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Final, TypeVar

from pydantic import JsonValue

from core import context as call_context
from core.configuration import MissingSettingError
from core.ids import new_id
from core.jitter import jittered
from functions.domain.api_errors import Unavailable
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, memory_tokens, told
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.contexts import Context
from functions.domain.instances.deadlines import GRACE
from functions.domain.runs import asking, budgets, claiming, ending, recording, sweeping
from functions.domain.runs.claiming import Claimed
from functions.domain.runs.reasons import Explanation, Reason, explain
from functions.domain.runs.recording import Change, Piece
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import MESSAGE_ERRORS, Facts, StaleContext
from functions.runtime.databases import DependencyDownError, shared_transaction
from functions.services.runner.writer import ROLE, LeaseLost, Said, Stream, UnfitError, Writer
from shared_psql_models.runs import EventType, Run, RunStatus
from shared_psql_models.statuses import DesiredState, Status

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 24 * 60 * 60
"""How long an answer to what an agent asks is waited for, unless it says otherwise."""

BUSY_SECONDS: Final = 0.5
"""After which a run is offered again that no host had room for."""

AWAY_SECONDS: Final = 2.0
"""After which a run is offered again that no host could be reached for, or whose instance isn't ready."""

_BUSY: Final = {each.value: each for each in (Reason.AGENT_BUSY, Reason.OWNER_BUSY, Reason.PLATFORM_FULL)}

_KINDS: Final = {"status": EventType.NOTE}
"""What the events of agents are called among those of runs, where it isn't the same."""

_AT_ONCE: Final = frozenset({Reason.CANCEL_REQUESTED, Reason.CANCELLED_BY_ADMINISTRATOR, Reason.STOPPED_BY_OPERATOR})
"""Reasons to cancel for which an agent isn't given time: for the others, its host ends it in a few seconds."""


class Cancelled(Exception):
    """It is to be cancelled, for a reason."""

    def __init__(self, reason: Reason) -> None:
        """Have the run say this reason."""
        super().__init__(reason)
        self.reason = reason


class Lost(Exception):
    """The call was cut off, or failed; it may be tried again."""

    def __init__(self, because: Explanation) -> None:
        """`because` is what the run says if it isn't."""
        super().__init__(because.explanation)
        self.because = because


class Failed(Lost):
    """The call failed for good."""


Done = TypeVar("Done")


@dataclass
class _Spent:
    usage: dict[str, JsonValue]
    processor_ms: int = 0


class Attempt:
    """A run in the hands of this runner."""

    def __init__(self, claimed: Claimed, writer: Writer) -> None:
        """Have what is said written by `writer`."""
        self.run = run = claimed.run
        self.stream = Stream(run)
        self.cancel_reason: str | None = None
        """Set by whoever renews the lease."""
        self.ended = False
        """Whether it has given up the lease itself."""
        self._writer = writer
        self._addressee = claimed.addressee
        self._begun = False
        self._started = monotonic()
        self._cancelling_since: float | None = None
        self._spent = _Spent(dict(run.usage))
        self._asked: Facts | None = None
        self._row_version = 0

    def lose(self) -> None:
        """Know that the lease is another's."""
        self._writer.lose(self.stream)

    def work(self) -> None:
        """Call the agent, and see the run to whatever becomes of it."""
        about = call_context.Context.start(self.run.traceparent, actor=self.run.owner_id)
        with call_context.entered(about):
            try:
                self._work()
            except LeaseLost:
                log.warning("its lease was lost", extra={"subject": self.run.id})
            except Exception:
                # The lease runs out, and the sweep says that it was lost.
                log.exception("a run is left to the sweep because of a bug", extra={"subject": self.run.id})

    def _work(self) -> None:
        try:
            context = self._context()
            if context is not None:
                self._call(context)
                self._finish()
        except Cancelled as cancelled:
            self._end(RunStatus.CANCELLED, explain(cancelled.reason))
        except Failed as failed:
            self._end(RunStatus.FAILED, failed.because)
        except Lost as lost:
            self._try_again(lost.because)
        except UnfitError:
            cause = "The agent said something that can't be kept"
            self._end(RunStatus.FAILED, explain(Reason.AGENT_RESPONSE_INVALID, cause=cause))
        except agent_host_client.StartFailed as failed:
            self._patiently(lambda db: commands.doubt(db, self.run.instance_id, self._row_version))
            self._try_again(_failure(failed.error.code, failed.error.detail, self.run))
        except StaleContext:
            # It was stopped or changed since it was read.
            self._give_back(explain(Reason.INSTANCE_NOT_READY), BUSY_SECONDS)
        except MESSAGE_ERRORS as error:
            self._refused(error)

    def _context(self) -> Context | None:
        """Return what the host is told; None if the run was given back. Raises Cancelled, Failed."""
        context = self._patiently(self._read, read_only=True)
        if context is None:
            self._give_back(explain(Reason.INSTANCE_NOT_READY), AWAY_SECONDS)
            return None
        self._row_version = context.row_version
        return context

    def _read(self, db: SharedDb) -> Context | None:
        """Return what the host is told; None if the instance takes nothing now. Raises Cancelled, Failed."""
        instance = self._addressee
        if instance is None or instance.desired_state != DesiredState.RUNNING:
            # Whoever sweeps says by whom it was stopped.
            return None
        if instance.kill_switch is not None:
            raise Cancelled(Reason.STOPPED_BY_OPERATOR)
        if instance.status == Status.FAILED:
            raise Failed(explain(Reason.INSTANCE_FAILED))
        if not instance.takes_messages or instance.serves is None:
            return None
        try:
            context = told.serving(db, instance.serves)
        except SecretsUnavailable:
            raise Failed(explain(Reason.SECRETS_UNAVAILABLE)) from None
        message = asking.message_of(db, self.run, instance.name)
        message = message.model_copy(update={"memory_token": self._memory_token()})
        return context.model_copy(update={"message": message, "seconds": float(self.run.seconds)})

    def _patiently(self, work: Callable[[SharedDb], Done], *, read_only: bool = False) -> Done:
        """Return what is done in a transaction, however long Postgres is away. Raises LeaseLost, and what it raises.

        A run that is left because Postgres is away for a moment would be told as lost.
        """
        while True:
            try:
                with shared_transaction(ROLE, read_only=read_only) as db:
                    return work(db)
            except Unavailable as error:
                log.warning("it waits: %s", error.__cause__ or error, extra={"subject": self.run.id})
                self._writer.rest(self.stream)

    def _memory_token(self) -> str | None:
        """Return with what the agent gets at its memory; None in an installation that has no keys for it."""
        with suppress(MissingSettingError):
            return memory_tokens.make(self.run.instance_id, self.run.id, self.run.seconds)
        return None

    def _call(self, context: Context) -> None:
        """Have the agent answer, and write what it says. Raises whatever ends that before its end."""
        with closing(agent_host_client.call(context)) as lines:
            for kind, line in lines:
                self._look_whether_cancelled()
                if not self._begun and kind != "failed":
                    self._begin(context, self._said(line) if kind == "event" else None)
                elif kind == "event":
                    self._take(line)
                if kind == "done":
                    self._spent.processor_ms = int(line.get("processor_ms") or 0)
                    return
                if kind == "failed":
                    self._fail(line)
        self._look_whether_cancelled()
        raise Lost(explain(Reason.HOST_LOST))

    def _begin(self, context: Context, said: Said | None) -> None:
        """Write that the agent is at work, together with what it has said first, which so is there sooner."""
        started = {"version_id": context.version_id, "started_at": datetime.now(UTC)}
        columns = started if self.run.started_at is None else {"version_id": context.version_id}
        change = Change(
            RunStatus.RUNNING,
            explain(Reason.STARTED),
            deadline_in=self.run.seconds,
            columns=columns,
            behind=[] if said is None else [said],
        )
        self._writer.settle(self.stream, lambda db, run: recording.record(db, run, change, last=True))
        self.stream.run = self.run = self.run.model_copy(update={"status": RunStatus.RUNNING})
        self._begun = True
        self._check_cost()

    def _take(self, event: Facts) -> None:
        said = self._said(event)
        if said is None:
            return
        self._writer.add(self.stream, *said)
        if said[0] is EventType.USAGE:
            self._check_cost()

    def _said(self, event: Facts) -> Said | None:
        """Return what is to be written of what the agent says; None of what it asks."""
        kind = str(event.pop("type"))
        if kind == "input":
            # The last that it says: written with the status that it leads to.
            self._asked = event
            return None
        if kind == "usage":
            _add(self._spent.usage, event)
        return EventType(_KINDS.get(kind, kind)), event

    def _check_cost(self) -> None:
        """Raise Failed once the agent has cost more than was reserved for it."""
        cost, most = Decimal(str(self._spent.usage.get("cost", 0))), budgets.most(self.run)
        if most is not None and cost > most:
            raise Failed(explain(Reason.BUDGET_EXCEEDED, cost=budgets.plain(cost), most=budgets.plain(most)))

    def _finish(self) -> None:
        if self._asked is None:
            self._end(RunStatus.COMPLETED, explain(Reason.COMPLETED))
            return
        seconds = int(self._asked.get("seconds") or WAIT_SECONDS)
        told = {name: self._asked.get(name) for name in ("text", "schema", "tool")}
        request = {"id": new_id("ask")} | {name: each for name, each in told.items() if each is not None}
        change = Change(
            RunStatus.INPUT_REQUIRED,
            explain(Reason.INPUT_WANTED),
            deadline_in=seconds,
            columns={**self._totals(), "request": request},
            frees=True,
            before=[(EventType.INPUT, request)],
            keeps_reply=True,
        )
        self._settle(lambda db, run: recording.record(db, run, change))

    def _fail(self, line: Facts) -> None:
        """Raise what a host tells of a failure."""
        reason = self._cancel_reason()
        if reason is not None:
            raise Cancelled(reason)
        code = str(line["code"])
        if code in _BUSY and not self._begun:
            agent_host_client.fail(dict(line))
        if line.get("started") is False:
            agent_host_client.fail(dict(line))
        because = _failure(code, line.get("detail"), self.run)
        if because.reason in {Reason.AGENT_TIMED_OUT, Reason.AGENT_RESPONSE_INVALID}:
            raise Failed(because)
        raise Lost(because)

    def _cancel_reason(self) -> Reason | None:
        return None if self.cancel_reason is None else Reason(self.cancel_reason)

    def _look_whether_cancelled(self) -> None:
        """Raise Cancelled once whoever asked for it doesn't wait for the agent any more."""
        reason = self._cancel_reason()
        if reason is None:
            return
        self._cancelling_since = self._cancelling_since or monotonic()
        if reason in _AT_ONCE or monotonic() > self._cancelling_since + GRACE + 1:
            raise Cancelled(reason)

    def _refused(self, error: Exception) -> None:
        """Give a run back that no host has taken; where that isn't certain, the attempt counts."""
        code = getattr(error, "code", "")
        if code in _BUSY:
            self._give_back(explain(_BUSY[code]), BUSY_SECONDS)
        elif _was_not_taken(error) and not self._begun:
            log.warning("no agent host takes it: %s", error.__cause__ or error, extra={"subject": self.run.id})
            self._give_back(explain(Reason.AGENT_UNAVAILABLE), AWAY_SECONDS)
        else:
            self._try_again(explain(Reason.HOST_LOST))

    def _give_back(self, because: Explanation, due_in: float) -> None:
        self.ended = True
        due = jittered(due_in)
        self._patiently(lambda db: claiming.give_back(db, self.run, because, due_in=due))

    def _try_again(self, because: Explanation) -> None:
        """Have it tried again, if it may be; else it has failed."""
        reason = self._cancel_reason()
        if reason is not None:
            self._end(RunStatus.CANCELLED, explain(reason))
        elif not sweeping.may_be_tried_again(self.run):
            self._end(RunStatus.FAILED, because)
        else:
            cause = because.explanation.rstrip(".")
            pause = jittered(min(2.0 ** (self.run.attempt - 1), 8.0))
            told = cause[:1].lower() + cause[1:]
            again = partial(sweeping.try_again, cause=told, due_in=pause, columns=self._totals())
            self._settle(again)

    def _end(self, status: RunStatus, because: Explanation) -> None:
        self._settle(lambda db, run: ending.end(db, run, status, because, columns=self._totals()))

    def _settle(self, change: Callable[[SharedDb, Run], list[Piece] | None]) -> None:
        self.ended = True
        with suppress(UnfitError):
            self._writer.settle(self.stream, change)
            return
        # What it said last can't be kept, and the stream is broken: what is known of the run is written without that.
        self.stream = Stream(self.stream.now)
        because = explain(Reason.AGENT_RESPONSE_INVALID, cause="The agent said something that can't be kept")
        self._writer.settle(self.stream, lambda db, run: ending.end(db, run, RunStatus.FAILED, because))

    def _totals(self) -> dict[str, object]:
        """Return the columns that say what the run has taken up to now."""
        spent = round((monotonic() - self._started) * 1000)
        return {
            "usage": self._spent.usage,
            "wall_ms": self.run.wall_ms + spent,
            "processor_ms": self.run.processor_ms + self._spent.processor_ms,
        }


def _failure(code: str, detail: object, run: Run) -> Explanation:
    """Return the reason for which a call has failed."""
    if code == Reason.AGENT_TIMED_OUT and not isinstance(detail, str):
        return explain(Reason.AGENT_TIMED_OUT, seconds=run.seconds)
    reason = Reason.AGENT_RESPONSE_INVALID if code == Reason.AGENT_RESPONSE_INVALID else Reason.AGENT_FAILED
    cause = detail if isinstance(detail, str) and detail else "The agent failed"
    return explain(reason, cause=cause.rstrip("."))


def _was_not_taken(error: Exception) -> bool:
    """Return whether it is certain that no host has begun a call: nobody listened, or somebody refused it."""
    down = error.__cause__
    return not isinstance(down, DependencyDownError) or isinstance(down.cause, ConnectionRefusedError | PermissionError)


def _add(usage: dict[str, JsonValue], event: Facts) -> None:
    """Add what an agent reports to have used to what it has before."""
    for name, number in event.items():
        before = usage.get(name, 0)
        if name == "cost":
            usage[name] = str(Decimal(str(before)) + Decimal(str(number)))
        elif isinstance(before, int | float):
            usage[name] = before + number
