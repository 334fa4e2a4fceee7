"""`botberi events`, as people use it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from events.broker import bus
from events.catalog.agents import AgentCreated
from tools.harness.path import RECEIVE_ALL, RECEIVE_SOME, EventPath

Eventually = Callable[..., Any]
Botberi = Callable[..., str]


@pytest.fixture
def command(path: EventPath, monkeypatch: pytest.MonkeyPatch) -> Botberi:
    monkeypatch.setenv("SUBSCRIPTIONS", path.environment["SUBSCRIPTIONS"])

    def run(*words: str, ends_with: int = 0) -> str:
        done = CliRunner().invoke(botberi, ["events", *words])
        assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    return run


def test_status_shows_the_lease_and_every_queue(command: Botberi, path: EventPath, eventually: Eventually) -> None:
    pid = path.processes["relay"].process.pid
    eventually(lambda: f"/{pid}" in command("status"))
    assert all(
        queue in command("status") for queue in (RECEIVE_SOME.queue, bus.dead(RECEIVE_SOME.queue), bus.NOTIFY_QUEUE)
    )


def test_status_counts_what_is_in_the_retry_store(command: Botberi, path: EventPath) -> None:
    path.query("insert into deferred_subjects values ('botberi.receive-some', 's', 1, 'infinity')")
    path.query("insert into deferred_events values (default, 'botberi.receive-some', 's', '', '', '')")
    [line] = [line for line in command("status").splitlines() if line.startswith(f"{RECEIVE_SOME.queue} ")]
    path.query("delete from deferred_events")
    path.query("delete from deferred_subjects")
    assert line.split()[-1] == "1"


def test_parked_events_are_listed_shown_redriven_and_dropped(
    command: Botberi, path: EventPath, eventually: Eventually
) -> None:
    path.query("select emit_event('com.botberi.thing.unheard_of.v1', 'agt_1', '{}')")
    [[dead_letter]] = eventually(
        lambda: path.query("select dead_letter_id from parked_events where resolution is null")
    )
    assert dead_letter in command("parked", "ls", "--reason", "type_unknown", "--database", "shared_psql")
    assert json.loads(command("parked", "show", dead_letter))["reason"] == "type_unknown"
    assert command("parked", "redrive", "--dry-run", dead_letter) == f"{dead_letter}: would be redriven\n"
    assert command("parked", "redrive", dead_letter) == f"{dead_letter}: redriven\n"
    again = "select dead_letter_id from parked_events where dead_letter_id > :dead_letter"
    [[dead_letter]] = eventually(lambda: path.query(again, dead_letter=dead_letter))
    assert f"{dead_letter}: discarded" in command("parked", "drop", "--all", "--resolution-reason", "A test.")
    assert path.parked() == []
    assert dead_letter in command("parked", "ls", "--resolved")


def test_dead_letters_are_listed_and_redriven(command: Botberi, path: EventPath, eventually: Eventually) -> None:
    path.recorder.answers[RECEIVE_SOME.function] = lambda _: 422
    [event_id] = path.emit("agt_dead")
    dead_letters = "select id from dead_letters where resolution is null and event_id = :id"
    [[dead_letter]] = eventually(lambda: path.query(dead_letters, id=event_id))
    path.recorder.forget()
    assert dead_letter in command("dead", "ls")
    assert json.loads(command("dead", "show", dead_letter))["subject"] == "agt_dead"
    assert f"{dead_letter}: redriven\n" in command("dead", "redrive", "--queue", RECEIVE_SOME.queue)
    eventually(lambda: path.recorder.received(RECEIVE_SOME.function, [event_id]) == [event_id])
    assert "was redriven or discarded before" in command(
        "dead", "drop", dead_letter, "--resolution-reason", "A test.", ends_with=1
    )
    assert "give either" in command("dead", "redrive", ends_with=2)


def test_replay_publishes_again_with_the_same_ids(command: Botberi, path: EventPath, eventually: Eventually) -> None:
    ids = path.emit("agt_again", "agt_again")
    eventually(
        lambda: path.recorder.received(RECEIVE_SOME.function, ids) == path.recorder.received("receive-all", ids) == ids
    )
    filters = ("replay", "--from", "today", "--subject", "agt_again", "--type", AgentCreated.type)
    assert command(*filters, "--dry-run") == "2 events would be published again\n"
    assert command(*filters, "--to", RECEIVE_SOME.queue) == "2 events are published again\n"
    eventually(lambda: path.recorder.received(RECEIVE_SOME.function, ids) == ids * 2)
    assert path.recorder.received("receive-all", ids) == ids


def test_tail_shows_what_passes_and_matches(command: Botberi, path: EventPath, eventually: Eventually) -> None:
    emitted: list[str] = []

    def shown_after_another(done: Callable[[], bool]) -> bool:
        emitted.extend(path.emit("agt_other", "agt_seen"))
        return done()

    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(command, "tail", "--count", "1", "--seconds", "30", "--subject", "agt_s*", "--json")
        eventually(lambda: shown_after_another(shown.done))
    assert json.loads(shown.result().splitlines()[-1])["subject"] == "agt_seen"
    # Those that are still on their way would come to the next test.
    consumers = (RECEIVE_SOME.function, RECEIVE_ALL.function)
    eventually(lambda: min(len(path.recorder.handled[name]) for name in consumers) >= len(emitted))


def test_the_cursor_is_shown(command: Botberi) -> None:
    assert "system_identifier" in command("cursor", "show")
