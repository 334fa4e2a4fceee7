"""What agents answer, and what is made of it."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from functions.services.agent_host.exchange import NoAnswerError, Request, TooLongError, ask
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.replies import MAX_BYTES, reply


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


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in (b"not JSON", b"[]", b"null", b"{}", b"[" * 50_000, b'{"text": "\xff"}')),
        *((200, text(words)) for words in (5, None, "x" * 16_001)),
        (204, b""),
        (302, text("hello")),
        (404, text("hello")),
    ],
)
def test_an_answer_that_is_none_is_the_agents_fault(status: int, body: bytes) -> None:
    with pytest.raises(Failure) as failure:
        reply(status, body, [])
    assert failure.value.code == "agent_response_invalid"


def test_an_answer_that_is_compressed_says_so() -> None:
    with pytest.raises(Failure) as failure:
        reply(200, gzip.compress(text("hello")), [])
    assert "compressed" in str(failure.value.detail)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ([], None),
        (["Traceback (most recent call last):", "RuntimeError: no key", " "], "The agent failed: RuntimeError: no key"),
    ],
)
def test_an_agent_that_raised_an_exception_says_which(said: Sequence[str], detail: str | None) -> None:
    with pytest.raises(Failure) as failure:
        reply(500, b"", said)
    assert (failure.value.code, failure.value.detail) == ("agent_failed", detail)


@pytest.mark.parametrize("character", ["x", "\u00e4", "\u65e5", "\U0001f642"])
def test_an_answer_may_be_as_long_in_any_script(character: str) -> None:
    whole = character * 16_000
    assert len(text(whole)) < MAX_BYTES
    assert reply(200, text(whole), []) == whole


@pytest.mark.parametrize(
    "body",
    [text("h\u00e9\x00"), text("h\u00e9\x00").decode().encode("utf-8-sig"), b'{"text": 1, "text": "h\\u00e9\\u0000"}'],
)
def test_an_answer_is_taken_in_whatever_way_json_may_say_it(body: bytes) -> None:
    assert reply(200, body, []) == "h\u00e9\x00"


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert reply(200, b'{"text": "a\\ud800b"}', []) == "a?b"
