"""Runs as rows: accepted once, claimed in turn, written by whoever has the lease, and ended with what was said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import pytest
from pydantic import JsonValue

from core.ids import new_id
from events.catalog.runs import PushNotificationFallenDue, RunStatusChanged
from functions.domain.databases import SharedDb
from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.runs import accepting, asking, claiming, commands, ending, reading, recording, sweeping
from functions.domain.runs.accepting import Asked, InstanceNotRunning
from functions.domain.runs.claiming import Bounds
from functions.domain.runs.reading import Of
from functions.domain.runs.reasons import Reason, explain
from functions.domain.runs.recording import Batch, Change, Piece
from functions.runtime.databases import shared_transaction
from shared_psql_models.runs import EventType, Run, RunStatus
from testing.environment import Environment
from testing.launches import Launched

ANYBODY: Final = Of()
MANY: Final = Bounds(owner=10_000, instance=10_000)


class Runs:
    """Runs of one instance, for a test."""

    def __init__(self, env: Environment, instance: Launched) -> None:
        self.env = env
        self.instance = instance
        instance.put(status="'running'", observed_generation="generation", deadline_at="null")

    @contextmanager
    def by(self, role: str) -> Iterator[SharedDb]:
        with self.env.transaction("shared_psql", role) as db:
            yield SharedDb(db)

    def ask(self, text: str = "hello", conversation_id: str | None = None, client_key: str | None = None) -> Run:
        asked = Asked(text, conversation_id=conversation_id, client_key=client_key)
        with self.by("user") as db:
            return accepting.accept(db, self.instance.id, self.instance.owner.id, asked).run

    def claim(self, bounds: Bounds = MANY, seconds: float = 15) -> list[Run]:
        """Claim whatever may be, also of other tests; return this instance's."""
        with self.by("runner") as db:
            claimed = claiming.claim(db, uuid4().hex, room=10_000, bounds=bounds, seconds=seconds)
            found = [each.run for each in claimed]
            others = [each for each in found if each.instance_id != self.instance.id]
            for each in others:
                claiming.give_back(db, each, explain(Reason.PLATFORM_FULL), due_in=0)
        return [each for each in found if each.instance_id == self.instance.id]

    def begin(self, run: Run) -> Run:
        with self.by("runner") as db:
            recording.record(db, run, Change(RunStatus.RUNNING, explain(Reason.STARTED), deadline_in=run.seconds))
            return reading.find(db, run.id, ANYBODY)

    def say(self, run: Run, *texts: str) -> set[str]:
        pieces = [
            Piece(run.last_sequence + number, datetime.now(UTC), EventType.TEXT, {"text": each})
            for number, each in enumerate(texts, start=1)
        ]
        with self.by("runner") as db:
            return recording.append(db, [Batch(run.id, run.lease_token, pieces)])

    def end(self, run: Run) -> object:
        with self.by("runner") as db:
            run = run.model_copy(update={"last_sequence": reading.find(db, run.id, ANYBODY).last_sequence})
            return ending.end(db, run, RunStatus.COMPLETED, explain(Reason.COMPLETED))

    def read(self, run: Run) -> Run:
        with self.by("user") as db:
            return reading.find(db, run.id, Of(self.instance.owner.id))

    def events(self, run: Run) -> list[tuple[int, str]]:
        with self.by("user") as db:
            return [(each.sequence, each.type.value) for each in reading.events(db, run.id, after=0, limit=100)]


@pytest.fixture
def mine(env: Environment, launch: Callable[..., Launched]) -> Runs:
    return Runs(env, launch())


def test_a_run_goes_from_accepted_to_completed_and_its_reply_is_what_was_said(mine: Runs) -> None:
    run = mine.ask("hello")
    [claimed] = mine.claim()
    running = mine.begin(claimed)
    assert mine.say(running, "Hel", "lo") == set()
    assert mine.end(running)
    ended = mine.read(run)
    assert (ended.status, ended.reply, ended.attempt) == (RunStatus.COMPLETED, "Hello", 1)
    assert mine.events(run) == [(1, "status"), (2, "status"), (3, "text"), (4, "text"), (5, "status")]


def test_what_is_written_twice_or_without_the_lease_is_not_written(mine: Runs) -> None:
    run = mine.ask()
    [late] = mine.claim(seconds=-1)
    running = mine.begin(late)
    assert mine.say(running, "a") == set()
    assert mine.say(running, "a") == set(), "the answer was lost, and it is said again"
    with mine.by("runner") as db:
        sweeping.settle_overdue(db)
    assert mine.say(running.model_copy(update={"last_sequence": 3}), "b") == {run.id}
    assert not mine.end(running)
    assert (mine.read(run).status, mine.read(run).reason) == (RunStatus.FAILED, Reason.RUNNER_LOST)
    assert mine.read(run).reply == "a"


def test_an_attempt_that_is_tried_again_is_no_part_of_the_reply(mine: Runs) -> None:
    run = mine.ask()
    with mine.by("migrator") as db:
        db.exec_driver_sql(f"update runs set retries = 1 where id = '{run.id}'")
    [first] = mine.claim(seconds=-1)
    mine.say(mine.begin(first), "broken off")
    with mine.by("runner") as db:
        sweeping.settle_overdue(db)
    [second] = mine.claim()
    running = mine.begin(second)
    mine.say(running, "whole")
    mine.end(running)
    assert (mine.read(run).reply, mine.read(run).attempt) == ("whole", 2)


def test_runs_of_a_conversation_take_turns_in_order(mine: Runs) -> None:
    first = mine.ask("one")
    second = mine.ask("two", conversation_id=first.conversation_id)
    other = mine.ask("three")
    assert {each.id for each in mine.claim()} == {first.id, other.id}
    assert mine.claim() == []
    with mine.by("user") as db:
        assert reading.place(db, second) == 2


def test_no_more_are_at_work_than_may(mine: Runs) -> None:
    for _ in range(4):
        mine.ask()
    assert len(mine.claim(Bounds(owner=100, instance=3))) == 3
    assert mine.claim(Bounds(owner=100, instance=3)) == []


def test_whoever_asks_twice_with_one_key_is_given_the_first(mine: Runs) -> None:
    first = mine.ask("hello", client_key="mine")
    assert mine.ask("hello", client_key="mine").id == first.id
    with pytest.raises(IdempotencyKeyReused):
        mine.ask("something else", client_key="mine")


def test_what_an_agent_asks_for_waits_until_it_is_answered(mine: Runs) -> None:
    run = mine.ask()
    [claimed] = mine.claim()
    running = mine.begin(claimed)
    mine.say(running, "Which? ")
    request: dict[str, JsonValue] = {"id": "ask_1", "text": "Which colour?", "schema": {"type": "string"}}
    asks = Change(
        RunStatus.INPUT_REQUIRED,
        explain(Reason.INPUT_WANTED),
        deadline_in=60,
        columns={"request": request},
        frees=True,
        before=[(EventType.INPUT, request)],
        keeps_reply=True,
    )
    with mine.by("runner") as db:
        recording.record(db, running.model_copy(update={"last_sequence": 3}), asks)
    of_mine = Of(mine.instance.owner.id)
    with mine.by("user") as db, pytest.raises(commands.AnswerInvalid):
        commands.answer(db, run.id, of_mine, 7)
    with mine.by("user") as db:
        commands.answer(db, run.id, of_mine, "blue", asked_id="ask_1")
    [again] = mine.claim()
    with mine.by("runner") as db:
        message = asking.message_of(db, again, "A test")
    assert message.answer is not None
    assert message.answer.value == "blue"
    assert message.conversation is not None
    assert [each.text for each in message.conversation.messages] == ["hello", "Which colour?", "blue"]
    second = mine.begin(again)
    mine.say(second, "Blue it is.")
    mine.end(second)
    assert mine.read(run).reply == "Which? Blue it is."
    assert mine.read(run).retries == 1, "to be called again is no retry"


def test_a_cancelled_run_ends_at_once_unless_its_agent_is_at_work(mine: Runs) -> None:
    waiting, working = mine.ask(), mine.ask()
    of_mine = Of(mine.instance.owner.id)
    with mine.by("user") as db:
        assert commands.cancel(db, waiting.id, of_mine).status == RunStatus.CANCELLED
    with mine.by("user") as db, pytest.raises(commands.RunEnded):
        commands.cancel(db, waiting.id, of_mine)
    [claimed] = mine.claim()
    with mine.by("user") as db:
        assert commands.cancel(db, working.id, of_mine).status == RunStatus.QUEUED
    with mine.by("runner") as db:
        assert claiming.renew(db, [claimed], 15) == {working.id: Reason.CANCEL_REQUESTED}


def test_a_stop_refuses_messages_and_cancels_what_waits_saying_by_whom(mine: Runs) -> None:
    run = mine.ask()
    assert mine.instance.ask("stop").status_code == 202
    with pytest.raises(InstanceNotRunning):
        mine.ask()
    with mine.by("runner") as db:
        assert sweeping.cancel_of_stopped(db, instance_id=mine.instance.id) == 1
    ended = mine.read(run)
    assert (ended.status, ended.reason) == (RunStatus.CANCELLED, Reason.INSTANCE_STOPPED)
    assert ended.cancelled_by == mine.instance.owner.id


def test_what_waits_beyond_its_deadline_ends_and_says_why(mine: Runs) -> None:
    run = mine.ask()
    with mine.by("migrator") as db:
        db.exec_driver_sql(f"update runs set deadline_at = now() - interval '1 second' where id = '{run.id}'")
    with mine.by("runner") as db:
        sweeping.settle_overdue(db)
    assert (mine.read(run).status, mine.read(run).reason) == (RunStatus.FAILED, Reason.NOT_STARTED)


STARTED: Final = Change(RunStatus.RUNNING, explain(Reason.STARTED), deadline_in=60)


def emitted(mine: Runs, run: Run) -> list[tuple[str, str | None]]:
    """Return type and status of the events about a run, in their order."""
    query = "select type, data->>'status' from outbox where data->>'run_id' = $1 order by seq"
    with mine.by("migrator") as db:
        return [(kind, status) for kind, status in db.exec_driver_sql(query, (run.id,))]


def test_the_last_that_is_written_is_committed_whatever_comes_behind_it(mine: Runs) -> None:
    asked = Asked("hello")
    with suppress(ZeroDivisionError), shared_transaction("user") as db:
        run = accepting.accept(db, mine.instance.id, mine.instance.owner.id, asked, last=True).run
        raise ZeroDivisionError
    [claimed] = mine.claim()
    with suppress(ZeroDivisionError), shared_transaction("runner") as db:
        assert recording.record(db, claimed, STARTED, last=True)
        raise ZeroDivisionError
    assert (mine.read(run).status, mine.events(run)) == (RunStatus.RUNNING, [(1, "status"), (2, "status")])
    assert emitted(mine, run) == [(RunStatusChanged.type, "queued"), (RunStatusChanged.type, "running")]
    with mine.by("runner") as db:
        assert recording.record(db, claimed, STARTED, last=True) is None, "it was written before"
    assert len(emitted(mine, run)) == 2


def test_whoever_wants_to_be_notified_since_the_claim_is(mine: Runs) -> None:
    run = mine.ask()
    [claimed] = mine.claim()
    assert not claimed.notifies
    with mine.by("migrator") as db:
        db.exec_driver_sql("update runs set notifies = true where id = $1", (run.id,))
        config = "insert into push_configs (run_id, id, url, subject) values ($1, 'mine', 'https://example.org', $2)"
        db.exec_driver_sql(config, (run.id, new_id("psh")))
    with shared_transaction("runner") as db:
        assert recording.record(db, claimed, STARTED, last=True)
    assert [kind for kind, _ in emitted(mine, run)[1:]] == [RunStatusChanged.type, PushNotificationFallenDue.type]


def test_until_when_an_answer_is_waited_for_is_told_as_the_row_has_it(mine: Runs) -> None:
    run = mine.ask()
    [claimed] = mine.claim()
    asks = Change(RunStatus.INPUT_REQUIRED, explain(Reason.INPUT_WANTED), deadline_in=60, frees=True)
    with mine.by("runner") as db:
        [told] = recording.record(db, claimed, asks) or []
    with mine.by("user") as db:
        [*_, event] = reading.events(db, run.id, after=0, limit=10)
    assert event.data == told.data
    assert datetime.fromisoformat(str(told.data["deadline_at"])) == mine.read(run).deadline_at
