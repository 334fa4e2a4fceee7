"""Agents that answer piece by piece: what reaches the caller and when, and what ends when nobody waits any more."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from core.ids import new_id
from functions.domain.catalog import bundle_store, bundles
from functions.domain.instances.contexts import Answer, Conversation, EarlierMessage, Message
from functions.services.agent_host.tests.conftest import Instance

Eventually = Callable[..., Any]

AGENT: Final = """
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import time

import flask

ended = []


def agent(request):
    message = request.get_json()
    return globals()[message["text"]](message)


def pieces(message):
    yield "one"
    time.sleep(0.7)
    yield {"type": "status", "text": "halfway"}
    yield {"type": "text", "text": "tw\\ud800"}
    yield {"type": "usage", "output_tokens": 2}


def nothing(message):
    yield from ()


def lines(message):
    return flask.Response(iter(['"a"\\n{"type"', ': "text", "text": "b"}\\n']), content_type="application/x-ndjson")


def events(message):
    return flask.Response(iter(["data: a\\n\\n", "data: b\\n\\n"]), content_type="text/event-stream")


def breaks(message):
    yield "one"
    raise RuntimeError("out of words")


def tells(message):
    yield "one"
    with open(os.environ["AGENT_CONFIG"]) as file:
        raise RuntimeError(f"wrong key: {json.load(file)['key']}")


def breaks_at_once(message):
    raise RuntimeError("no words")
    yield


def says_nonsense(message):
    yield "one"
    yield 5


async def asynchronous(message):
    yield "one"


async def awaits(message):
    return {"text": "one"}


def asks(message):
    if "answer" in message:
        yield f"You said {message['answer']['value']}."
    else:
        yield "Hm. "
        yield {"type": "input", "text": "Which?", "schema": {"enum": [1, 2]}}


def asks_wrongly(message):
    return {"type": "input", "text": "Which?", "schema": {"$ref": "#"}}


def endless(message):
    try:
        while True:
            yield "again"
            time.sleep(0.02)
    finally:
        ended.append(message["id"])


def endings(message):
    return {"text": " ".join(ended)}


def flood(message):
    for number in range(200_000):
        ended[:] = [str(number)]
        yield {"type": "data", "data": "x" * 10_000}


def loops(message):
    yield "on"
    while True:
        pass


def cuts(message):
    yield "one"
    for number in reversed(range(5, 64)):
        with contextlib.suppress(OSError):
            connection = socket.socket(fileno=number)
            connection.shutdown(socket.SHUT_RDWR)
            connection.detach()
            break
    time.sleep(0.1)


def sleeps(message):
    time.sleep(60)
    return {"text": "late"}


def counts(message):
    with sqlite3.connect(":memory:") as database:
        for number in range(20):
            [[found]] = database.execute("select ?", [number])
            yield f"{found} "


def computes(message):
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    subprocess.run(["python3", "-c", "import time\\nwhile time.process_time() < 0.2: pass"], check=True)
    return {"text": "done"}


def history(message):
    return {"text": str(len(message["conversation"]["messages"][0]["text"].encode()))}


def echo(message):
    return {"text": repr(message)}
"""


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "main.py").write_text(AGENT)
    return bundle_store.keep(bundles.bundle(folder))


@pytest.fixture
def mine(digest: str, agent_host: str) -> Instance:
    assert agent_host
    return Instance(digest, new_id("usr"), new_id("ins"))


def text(words: str) -> dict[str, Any]:
    return {"event": {"type": "text", "text": words}}


def code(lines: list[dict[str, Any]]) -> tuple[str, str]:
    """Return how an answer failed, and what is said about it."""
    failed = lines[-1]["failed"]
    return failed["code"], failed["detail"]


def test_each_piece_comes_as_soon_as_the_agent_has_said_it(mine: Instance) -> None:
    mine.say("nothing")
    with mine.asked(mine.context("pieces")) as lines:
        assert next(lines) == text("one")
        began = time.monotonic()
        assert next(lines) == {"event": {"type": "status", "text": "halfway"}}
        assert time.monotonic() - began > 0.4
        assert list(lines)[:2] == [text("tw\ufffd"), {"event": {"type": "usage", "output_tokens": 2}}]


@pytest.mark.parametrize(
    ("asked", "answer"), [("nothing", ""), ("lines", "ab"), ("events", "ab"), ("pieces", "onetw\ufffd")]
)
def test_an_answer_in_pieces_is_put_together(mine: Instance, asked: str, answer: str) -> None:
    assert mine.say(asked) == answer


@pytest.mark.parametrize(
    ("asked", "said", "failure"),
    [
        ("breaks", ["one"], ("agent_failed", "The agent failed: RuntimeError: out of words")),
        ("breaks_at_once", [], ("agent_failed", "The agent failed: RuntimeError: no words")),
        ("says_nonsense", ["one"], ("agent_failed", "The agent failed: TypeError: agent() yielded int")),
        *(
            (asked, [], ("agent_failed", "The agent failed: TypeError: agent() is asynchronous"))
            for asked in ("asynchronous", "awaits")
        ),
        ("asks_wrongly", [], ("agent_response_invalid", "The agent's event 'input' has a wrong schema")),
    ],
)
def test_what_breaks_off_is_told_after_what_was_said(
    mine: Instance, asked: str, said: list[str], failure: tuple[str, str]
) -> None:
    lines = mine.answered(asked)
    assert lines[:-1] == [text(each) for each in said]
    assert code(lines)[0] == failure[0]
    assert code(lines)[1].startswith(failure[1])


def test_a_secret_in_it_is_masked(mine: Instance) -> None:
    lines = mine.answered("tells", config={"key": "hunter2"}, secret_places=("/key",))
    assert code(lines) == ("agent_failed", "The agent failed: RuntimeError: wrong key: ********")


def test_an_agent_asks_and_is_called_anew_with_the_answer(mine: Instance) -> None:
    question = {"event": {"type": "input", "text": "Which?", "schema": {"enum": [1, 2]}}}
    assert mine.answered("asks")[:-1] == [text("Hm. "), question]
    message = Message(id="msg_1", text="asks", answer=Answer(id="evt_1", value=2))
    assert mine.answered("asks", message=message)[:-1] == [text("You said 2.")]


def test_who_leaves_ends_the_answer_at_its_next_piece_and_the_agent_stays_awake(
    mine: Instance, eventually: Eventually
) -> None:
    with mine.asked(mine.context("endless")) as lines:
        assert next(lines) == text("again")
    eventually(lambda: mine.say("endings") == "msg_1")


def test_an_agent_that_is_not_read_waits(mine: Instance) -> None:
    with mine.asked(mine.context("flood")) as lines:
        assert next(lines)["event"]["type"] == "data"
        time.sleep(1)
        first = mine.say("endings")
        time.sleep(0.5)
        assert int(first) < 1000
        assert mine.say("endings") == first


def test_an_agent_that_goes_on_after_its_time_is_ended(digest: str, mine: Instance, eventually: Eventually) -> None:
    both = {"loops": mine, "sleeps": Instance(digest, new_id("usr"), new_id("ins"))}
    with ThreadPoolExecutor(2) as pool:
        for lines in pool.map(lambda asked: both[asked].answered(asked, seconds=1), both):
            assert code(lines)[0] == "agent_timed_out"
    assert [each.awake for each in both.values()] == [1, 1]
    for each in both.values():
        eventually(lambda each=each: each.awake == 0)
    assert mine.say("nothing") == ""


def test_an_agent_that_cuts_its_connection_is_said_to_and_goes_on(mine: Instance) -> None:
    lines = mine.answered("cuts")
    assert lines[0] == text("one")
    assert code(lines) == ("agent_failed", "The agent ended before it answered: it cut the connection.")
    assert (mine.say("nothing"), mine.awake) == ("", 1)


def test_so_it_is_when_who_asked_has_left_and_others_calls_can_be_tried_again(
    mine: Instance, eventually: Eventually
) -> None:
    with mine.asked(mine.context("sleeps")) as others:
        with mine.asked(mine.context("loops")) as lines:
            assert next(lines) == text("on")
        assert code(list(others))[0] == "agent_unavailable"
    eventually(lambda: mine.awake == 0)


def test_an_answer_has_one_thread_from_its_first_piece_to_its_last(mine: Instance) -> None:
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(mine.say, ["counts"] * 3))
    assert said == ["".join(f"{number} " for number in range(20))] * 3


def test_the_processor_time_of_a_call_is_told_with_that_of_programs_that_it_ran(mine: Instance) -> None:
    assert 350 < mine.answered("computes")[-1]["done"]["processor_ms"] < 2000
    assert mine.answered("nothing")[-1]["done"]["processor_ms"] < 100


def test_a_long_conversation_reaches_it(mine: Instance) -> None:
    earlier = EarlierMessage(role="user", text="\u65e5" * (256 * 1024 // 3))
    conversation = Conversation(id=new_id("act"), messages=(earlier,))
    lines = mine.answered("", message=Message(id="msg_1", text="history", conversation=conversation))
    assert lines[0] == text(str(256 * 1024 // 3 * 3))


def test_an_agent_is_told_what_there_is_to_tell(mine: Instance) -> None:
    assert mine.say("echo") == repr({"id": "msg_1", "text": "echo"})
