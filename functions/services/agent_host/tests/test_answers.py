"""What agents answer, and what is made of it."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import pytest

from functions.domain.runs.agent_events import EVENTS, REPLY_BYTES
from functions.services.agent_host.exchange import Head, NoAnswerError, Request, TooLongError, ask
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.replies import PIECE_BYTES, TEXT_CHARACTERS, Reply, check, raised


def text(words: object) -> bytes:
    return json.dumps({"text": words}).encode()


def asked(*parts: bytes, end: bool = True, received: list[bytes] | None = None) -> tuple[int, bytes]:
    """Ask somebody who sends these parts, whatever is asked, and then closes the connection, or waits."""
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def answer() -> None:
        with closing(theirs):
            (received if received is not None else []).append(theirs.recv(65536))
            for part in parts:
                theirs.sendall(part)
            if not end:
                done.wait(30)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        return asyncio.run(ask(ours, Request(body=b"{}", headers=[("x-said", "yes")]), limit=1000))
    finally:
        done.set()
        thread.join()


def test_an_answer_comes_with_its_status_and_body_as_soon_as_it_is_whole() -> None:
    received: list[bytes] = []
    answer = asked(b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhel", b"lo", end=False, received=received)
    assert answer == (201, b"hello")
    assert received[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"x-said: yes\r\n" in received[0].lower()


def test_an_answer_in_chunks_is_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    assert asked(chunks, end=False) == (200, b"hello")


@pytest.mark.parametrize(
    "garbage",
    [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"\x00" * 100, b"x" * 200_000],
)
def test_what_is_no_whole_answer_is_none(garbage: bytes) -> None:
    with pytest.raises(NoAnswerError):
        asked(garbage)


def test_no_more_is_read_of_an_answer_than_it_may_have() -> None:
    with pytest.raises(TooLongError):
        asked(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 2000, end=False)


PLAIN: Final = "application/json"
LINES: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"


def replied(body: bytes, content_type: str = PLAIN, size: int = 1 << 30) -> list[Any]:
    """Return the events that are made of an answer, which comes in chunks of a size."""
    reply = Reply(Head(200, content_type))
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    said = [event for chunk in chunks for event in reply.feed(chunk)]
    said += reply.end()
    return [json.loads(each) for each in said]


def refused(body: bytes, content_type: str = PLAIN) -> str:
    """Return what is said about an answer that is none."""
    with pytest.raises(Failure) as failure:
        replied(body, content_type)
    assert failure.value.code == "agent_response_invalid"
    return str(failure.value.detail)


def a_text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    "body",
    [
        *(b"not JSON", b"[]", b"null", b"{}", b"[" * 50_000, b'{"text": "\xff"}'),
        *(text(words) for words in (5, None, "x" * (REPLY_BYTES + 1), "\u65e5" * (REPLY_BYTES // 3 + 1))),
        *(b'{"text": "a", "usage": {"cost": -1}}', b'{"text": "a", "type": "input"}'),
    ],
)
def test_an_answer_that_is_none_is_the_agents_fault(body: bytes) -> None:
    assert refused(body)


@pytest.mark.parametrize("status", [204, 302, 404])
def test_so_is_another_status(status: int) -> None:
    with pytest.raises(Failure) as failure:
        check(status)
    assert failure.value.code == "agent_response_invalid"


def test_an_answer_that_is_compressed_says_so() -> None:
    assert "compressed" in refused(gzip.compress(text("hello")))


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ([], None),
        (["Traceback (most recent call last):", "RuntimeError: no key", " "], "The agent failed: RuntimeError: no key"),
    ],
)
def test_an_agent_that_raised_an_exception_says_which(said: Sequence[str], detail: str | None) -> None:
    assert (raised(said).code, raised(said).detail) == ("agent_failed", detail)


@pytest.mark.parametrize("character", ["x", "\u00e4", "\u65e5", "\U0001f642"])
def test_an_answer_may_be_as_long_in_any_script(character: str) -> None:
    whole = character * (REPLY_BYTES // len(character.encode()))
    for body, kind in ((text(whole), PLAIN), (json.dumps(whole).encode(), LINES)):
        pieces = [each["text"] for each in replied(body, kind, 65536)]
        assert "".join(pieces) == whole
        assert max(map(len, pieces)) <= TEXT_CHARACTERS


@pytest.mark.parametrize(
    "body",
    [text("h\u00e9\x01"), text("h\u00e9\x01").decode().encode("utf-8-sig"), b'{"text": 1, "text": "h\\u00e9\\u0001"}'],
)
def test_an_answer_is_taken_in_whatever_way_json_may_say_it(body: bytes) -> None:
    assert replied(body) == [a_text("h\u00e9\x01")]


def test_what_cannot_be_kept_does_no_harm() -> None:
    assert replied(b'{"text": "a\\ud800b\\u0000"}') == [a_text("a\ufffdb\ufffd")]


def test_an_object_may_say_what_it_took_or_ask_for_something() -> None:
    used = {"type": "usage", "input_tokens": 3}
    assert replied(b'{"text": "a", "usage": {"input_tokens": 3}, "other": 1}') == [a_text("a"), used]
    reply = Reply(Head(200, PLAIN))
    assert [*reply.feed(b'{"type": "input", "text": "?", "schema": {}}'), *reply.end()] == []
    assert reply.question is not None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_may_be_cut_anywhere(size: int) -> None:
    said = [a_text("h\u00e9"), {"type": "status", "text": "a"}, a_text("b\nc"), a_text("d")]
    lines = [json.dumps(each).encode() for each in said]
    assert replied(b"\r\n\n".join(lines), LINES, size) == said
    for end in (b"\n", b"\r\n", b"\r"):
        events = [b": hello", b"data: " + lines[0], b"", b"event: x", b"data:" + lines[1], b"id: 5", b""]
        events += [b"", b"data: b", b"data: c", b"", b"data: [DONE]", b"", b"data: d"]
        assert replied(end.join(events), SSE, size) == said


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'"a"\n{', "no JSON"),
        (b'{"type": "input", "text": "?", "schema": {}}\n"more"', "went on"),
        (b'"a"\n' * (EVENTS + 1), "more than 100000 events"),
        (b'"' + b"x" * PIECE_BYTES, "longer than"),
        (json.dumps("x" * 1000).encode() + b"\n" + json.dumps("x" * (REPLY_BYTES - 999)).encode(), "text is longer"),
        (json.dumps({"type": "data", "data": "x" * 1_000_000}).encode() + b"\n", ""),
    ],
)
def test_a_stream_is_refused_where_it_is_wrong_or_too_long(body: bytes, wrong: str) -> None:
    assert wrong in refused(body if wrong else body * 17, LINES)


def test_an_agent_may_say_that_it_failed() -> None:
    with pytest.raises(Failure) as failure:
        replied(b'"a"\n{"type": "error", "text": "no key"}', LINES)
    assert (failure.value.code, failure.value.detail) == ("agent_failed", "The agent failed: no key")
