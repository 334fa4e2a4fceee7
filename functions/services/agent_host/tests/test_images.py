"""Agents that are images: what is sent to them, and what is made of what comes back."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from functions.domain.instances.contexts import Context, Message
from functions.drivers.tests.fake_platform import Asked, FakePlatform, Reply, serving
from functions.services.agent_host import images
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.tests.contexts import a_context
from testing.canned import Server
from tools.local.ports import free_ports

Serve = Callable[..., str]


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.close()


@pytest.fixture
def serve(servers: list[Server]) -> Serve:
    def start(status: str, body: bytes, pause: float | None = None) -> str:
        answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        servers.append(Server([[answer]], pause))
        return f"http://127.0.0.1:{servers[-1].port}/function/an-agent"

    return start


def asked(url: str | None, seconds: float = 30) -> Context:
    return a_context(
        digest=None,
        url=url,
        config={"key": "a secret"},
        secret_places=("/key",),
        message=Message(id="msg_1", text="hello"),
        seconds=seconds,
    )


def ask(url: str | None, seconds: float = 30) -> str:
    said: list[bytes] = []

    async def say(events: Sequence[bytes]) -> None:
        said.extend(events)

    asyncio.run(images.ask(asked(url, seconds), say))
    return "".join(json.loads(each)["text"] for each in said)


class Agent(FakePlatform):
    def answer(self, _asked: Asked) -> Reply:
        return 200, {"text": "hi"}


def test_an_image_is_sent_the_message_with_its_config() -> None:
    with serving(agent := Agent()):
        assert ask(f"{agent.url}/function/an-agent") == "hi"
    (asked,) = agent.asked
    assert (asked.method, asked.path) == ("POST", "/function/an-agent/")
    assert asked.body.pop("instance") == {"id": "ins_1"}
    assert asked.body == {"id": "msg_1", "text": "hello", "config": {"key": "a secret"}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("404 Not Found", b"error finding function"),
        ("500 Internal Server Error", b"Can't reach service for: an-agent."),
        ("503 Service Unavailable", b""),
    ],
)
def test_what_the_platform_answers_instead_has_the_deployment_looked_after(
    serve: Serve, status: str, body: bytes
) -> None:
    with pytest.raises(Failure) as failure:
        ask(serve(status, body))
    assert (failure.value.code, failure.value.started) == ("agent_unavailable", False)


def test_so_does_nobody_who_answers() -> None:
    for url in (None, f"http://127.0.0.1:{free_ports(1)[0]}"):
        with pytest.raises(Failure) as failure:
            ask(url)
        assert (failure.value.code, failure.value.started) == ("agent_unavailable", False)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        ("500 Internal Server Error", b"oh", "agent_failed"),
        ("400 Bad Request", b"oh", "agent_response_invalid"),
        ("200 OK", b"no JSON", "agent_response_invalid"),
    ],
)
def test_an_image_that_fails_is_told_as_any_agent(serve: Serve, status: str, body: bytes, code: str) -> None:
    with pytest.raises(Failure) as failure:
        ask(serve(status, body))
    assert (failure.value.code, failure.value.started) == (code, True)


def test_an_image_that_takes_too_long_is_not_waited_for(serve: Serve) -> None:
    with pytest.raises(Failure) as failure:
        ask(serve("200 OK", b'{"text": "hi"}', pause=1), seconds=0.3)
    assert failure.value.code == "agent_timed_out"


def test_an_image_is_heard_piece_by_piece_and_sees_who_leaves() -> None:
    async def work() -> None:
        heard, left = asyncio.Event(), asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}}")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
            await reader.read()
            left.set()
            writer.close()

        async def say(events: Sequence[bytes]) -> None:
            assert [json.loads(each)["text"] for each in events] == ["one"]
            heard.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            asking = asyncio.create_task(images.ask(asked(f"http://127.0.0.1:{port}"), say))
            await asyncio.wait_for(heard.wait(), 30)
            asking.cancel()
            await asyncio.wait_for(left.wait(), 30)

    asyncio.run(work())
