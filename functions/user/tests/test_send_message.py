"""Messages, to agents that are made to answer badly."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import sleep

import pytest

from functions.runtime import agent_client
from testing.launches import Launched

Launch = Callable[..., Launched]
Answers = Callable[[bytes], Launched]


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def text(words: object) -> bytes:
    return http(json.dumps({"text": words}).encode())


@pytest.fixture
def answering(launch: Launch) -> Iterator[Callable[..., Launched]]:
    """`answering(bytes)` is an instance whose agent sends these bytes to whoever speaks to it, then waits."""
    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def start(answer: bytes, pause: float = 0, received: list[bytes] | None = None) -> Launched:
        def serve() -> None:
            with suppress(OSError), listening.accept()[0] as connection:
                (received if received is not None else []).append(connection.recv(65536))
                for number in range(len(answer)) if pause else ():
                    connection.sendall(answer[number : number + 1])
                    sleep(pause)
                if not pause:
                    connection.sendall(answer)
                done.wait(30)

        threading.Thread(target=serve, daemon=True).start()
        return running_at(launch(), f"http://127.0.0.1:{listening.getsockname()[1]}")

    yield start
    done.set()
    listening.close()


def running_at(instance: Launched, address: str) -> Launched:
    instance.put(status="'running'", deadline_at="null", address=f"'{address}'")
    return instance


def test_the_reply_comes_back_with_how_long_it_took(answering: Answers) -> None:
    answer = answering(text("Hello yourself")).say("Hello")
    assert answer.status_code == 200
    assert (answer.json["text"], answer.json["id"][:4]) == ("Hello yourself", "msg_")
    assert answer.json["replied_in_ms"] >= 0


def test_the_trace_of_the_request_goes_on_to_the_agent(answering: Callable[..., Launched]) -> None:
    received: list[bytes] = []
    trace = answering(text("Hello"), received=received).say("Hello").headers["X-Request-Id"]
    assert f"traceparent: 00-{trace}-".encode() in received[0]


@pytest.mark.parametrize(
    "garbage",
    [
        http(b"not JSON"),
        http(b"[]"),
        http(b"null"),
        http(b"{}"),
        text(5),
        text(None),
        text("x" * 16_001),
        http(b'"' + b"x" * 300_000),
        http(b"[" * 50_000),
        http(b'{"text": "\xff"}'),
        http(b"", "204 No Content"),
        http(b'{"text": "hello"}', "500 Internal Server Error"),
        http(b'{"text": "hello"}', "302 Found", "Location: http://127.0.0.1:1/"),
    ],
)
def test_an_answer_that_is_none_is_the_agents_fault(answering: Answers, garbage: bytes) -> None:
    answer = answering(garbage).say("Hello")
    assert (answer.status_code, answer.code) == (502, "agent_response_invalid")


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
def test_what_is_not_http_is_an_agent_that_does_not_answer(
    answering: Answers, garbage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_client.say, "__defaults__", (0.5,))
    assert answering(garbage).say("Hello").status_code == 503


@pytest.mark.parametrize("character", ["x", "\u00e4", "\u65e5", "\U0001f642"])
def test_an_answer_may_be_as_long_in_any_script(answering: Answers, character: str) -> None:
    whole = character * 16_000
    assert answering(text(whole)).say("Hello").json["text"] == whole


def test_half_a_surrogate_pair_does_no_harm(answering: Answers) -> None:
    assert answering(http(b'{"text": "a\\ud800b"}')).say("Hello").json["text"] == "a?b"


def test_an_agent_that_hangs_is_waited_for_no_longer_than_it_may(
    answering: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_client.say, "__defaults__", (0.3,))
    answer = answering(b"").say("Hello")
    assert (answer.status_code, answer.code) == (503, "agent_timed_out")


def test_an_agent_that_drips_has_no_more_time_than_one_that_hangs(
    answering: Callable[..., Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_client.say, "__defaults__", (0.5,))
    answer = answering(text("x" * 100), pause=0.05).say("Hello")
    assert (answer.status_code, answer.code) == (503, "agent_timed_out")


def test_an_agent_that_hangs_takes_no_more_than_two_of_the_threads(
    answering: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_client.say, "__defaults__", (1,))
    instance = answering(b"")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(instance.say, ["Hello"] * 4))
    assert sorted(answer.code for answer in answers) == ["agent_busy"] * 2 + ["agent_timed_out"] * 2


def test_an_agent_that_is_gone_is_unavailable_and_its_address_is_not_told(launch: Launch) -> None:
    answer = running_at(launch(), "http://127.0.0.1:1").say("Hello")
    assert (answer.status_code, answer.code) == (503, "agent_unavailable")
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("words", ["", "   \n", "x" * 4001, None, 5, {"a": 1}, "a" * 70_000])
def test_what_is_no_message_is_refused_before_the_agent_receives_of_it(launch: Launch, words: object) -> None:
    assert running_at(launch(), "http://127.0.0.1:1").say(words).status_code in {413, 422}


def test_an_instance_that_is_not_running_says_what_it_is(launch: Launch) -> None:
    answer = launch().say("Hello")
    assert (answer.status_code, answer.code) == (409, "instance_not_running")
    told = "The instance takes no messages, its status is pending: The instance was created."
    assert answer.json["detail"] == told
