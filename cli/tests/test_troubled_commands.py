"""`botberi events` where something is missing, wrong or away: one line says what, and the exit code that it failed."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import botberi
from events.broker import bus
from functions.domain.event_path import resolving
from tools.harness.path import RECEIVE_SOME, EventPath

Eventually = Callable[..., Any]
Botberi = Callable[..., Result]

AWAY = "127.0.0.1:9/x"


@pytest.fixture(scope="module")
def relayed(quiet_path: EventPath) -> EventPath:
    quiet_path.start("relay")
    return quiet_path


@pytest.fixture
def command(relayed: EventPath, monkeypatch: pytest.MonkeyPatch) -> Botberi:
    monkeypatch.setenv("SUBSCRIPTIONS", relayed.environment["SUBSCRIPTIONS"])
    return lambda *words: CliRunner().invoke(botberi, ["events", *words])


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("parked", "ls", "--limit", "-1"), 2, "not in the range"),
        (("parked", "show", "ded_nobody"), 1, "There is no such dead letter or parked event."),
        (("parked", "redrive", "ded_nobody"), 1, "ded_nobody: There is no such dead letter or parked event."),
        (
            ("dead", "drop", "ded_nobody", "--resolution-reason", "A test."),
            1,
            "There is no such dead letter or parked event.",
        ),
        (("dead", "redrive", "--queue", "botberi.nobody"), 0, "nothing is open that fits"),
        (
            ("replay", "--from", "nonsense"),
            1,
            '--from: invalid input syntax for type timestamp with time zone: "nonsense"',
        ),
        (("replay", "--from", "today", "--to", "botberi.nobody"), 1, "RabbitMQ has no queue botberi.nobody"),
        (("cursor", "rebase", "--yes", "--", "-5"), 2, "not in the range"),
        (("tail", "--count", "0"), 2, "not in the range"),
        (("tail", "--seconds", "0"), 2, "not in the range"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    command: Botberi, words: tuple[str, ...], exit_code: int, said: str
) -> None:
    done = command(*words)
    assert (done.exit_code, done.output.splitlines()[-1].count(said)) == (exit_code, 1), done.output


@pytest.mark.parametrize(
    ("setting", "value", "words", "said"),
    [
        (
            "SHARED_PSQL_URL",
            "nonsense",
            ("status",),
            "Error: SHARED_PSQL_URL is 'nonsense': expected",
        ),
        ("SHARED_PSQL_URL", AWAY, ("parked", "ls"), "Error: Can't create a connection to host 127.0.0.1 and port 9"),
        ("SHARED_PSQL_URL", AWAY, ("cursor", "show"), "Error: SHARED_PSQL_URL: [Errno 111] Connection refused"),
        ("EVENT_BUS_URL", AWAY, ("tail",), "Error: EVENT_BUS_URL: [Errno 111] Connection refused"),
        ("BOTBERI_SECRETS", "/nowhere", ("dead", "ls"), "Error: the secret user-psql-broker is missing"),
    ],
)
def test_what_is_away_is_told_in_one_line(
    command: Botberi,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv(setting, value)
    done = command(*words)
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1), done.output
    assert done.output.startswith(said)


def test_status_shows_what_it_can_and_tells_what_is_away(command: Botberi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_PSQL_URL", AWAY)
    shown = command("status").output
    assert "\nuser_psql " in shown
    [line] = [line for line in shown.splitlines() if line.startswith(f"{RECEIVE_SOME.queue} ")]
    assert line.split()[-1] == "?"
    monkeypatch.setenv("EVENT_BUS_URL", AWAY)
    done = command("status")
    assert done.exit_code == 1
    assert "shared_psql can't be asked: " in done.output
    assert "event_bus can't be asked: " in done.output


def test_many_are_resolved_act_after_act(
    command: Botberi, relayed: EventPath, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving.resolve_matching, "__defaults__", (2,))
    for number in range(5):
        relayed.query(f"select emit_event('com.botberi.thing.unheard_of.v1', 'agt_{number}', '{{}}')")
    eventually(lambda: len(relayed.parked()) == 5)
    filters = ("parked", "drop", "--reason", "type_unknown", "--resolution-reason", "A test.")
    assert command(*filters, "--dry-run").output.splitlines()[-1] == "there are more, which would follow"
    assert command(*filters).output.count(": discarded\n") == 5
    assert relayed.parked() == []


@pytest.mark.parametrize("body", [b"\xff", b"[1]", b"{}", b'{"type": "x"}'])
def test_tail_goes_on_after_what_is_no_event(
    command: Botberi, relayed: EventPath, eventually: Eventually, body: bytes
) -> None:
    def shown_after_another(done: Callable[[], bool]) -> bool:
        with relayed.broker() as connection:
            connection.channel().basic_publish(bus.EXCHANGE, "nobody.receives", body)
        relayed.emit("agt_tail")
        return done()

    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(command, "tail", "--count", "2", "--seconds", "30", "--json")
        eventually(lambda: shown_after_another(shown.done))
    lines = shown.result().output.splitlines()
    assert f"{len(body)} bytes are no event: " in "\n".join(lines)
    assert json.loads(lines[-1])["subject"] == "agt_tail"
