"""What agents write is handed on in their order, without secrets, and not lost by a short outage."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from events import signing
from functions.domain.instances import log_batches
from functions.domain.instances.contexts import Context
from functions.services.agent_host import log_sender
from functions.services.agent_host.log_sender import LogSender
from functions.services.agent_host.sandbox.log_lines import LogLine
from functions.services.agent_host.tests.contexts import a_context
from testing.environment import Environment


class Keeper(ThreadingHTTPServer):
    """Stands at the outer edge, for the function: it takes what is signed, or says what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.batches: dict[int, list[dict[str, Any]]] = {}
        self.calls = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def texts(self, instance: str = "ins_1") -> list[str]:
        logs = [each for number in sorted(self.batches) for each in self.batches[number]]
        return [line["text"] for each in logs if each["instance_id"] == instance for line in each["lines"]]


class Handler(BaseHTTPRequestHandler):
    server: Keeper

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: self.headers[name] for name in signing.HEADERS}
        signing.verify(signing.Keys(log_batches.KEYS_NAME).current(), log_batches.FUNCTION, headers, body)
        self.server.calls += 1
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            data = json.loads(body)["data"]
            self.server.batches[data["number"]] = data["logs"]
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keeper(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setattr(log_sender, "PAUSES", (0.01, 0.01))
    server = Keeper()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def context(instance: str = "ins_1", **config: Any) -> Context:
    return a_context(instance_id=instance, config=config, secret_places=tuple(f"/{name}" for name in config))


def line(text: str, *, cut: bool = False) -> LogLine:
    return LogLine("key", "stdout", "info", text, cut)


def send(keeper: Keeper, lines: list[tuple[Context, LogLine]], *, instances: int = 4) -> None:
    """Hand lines on as a host does, and wait until all are gone."""

    async def run() -> None:
        sender = LogSender(keeper.url, instances=instances)
        for each, said in lines:
            sender.add(each, said, None)
        task = asyncio.create_task(sender.run())
        await sender._all_sent.wait()
        task.cancel()

    asyncio.run(run())


def test_lines_go_in_their_order_and_in_batches(keeper: Keeper) -> None:
    lines = [(context(f"ins_{number % 2}"), line(f"{number} {'x' * 1000}")) for number in range(200)]
    send(keeper, lines)
    for instance in (0, 1):
        assert [int(text.split()[0]) for text in keeper.texts(f"ins_{instance}")] == list(range(instance, 200, 2))
    assert 1 < len(keeper.batches) < 20


def test_a_batch_that_is_not_taken_is_sent_again_under_its_number(keeper: Keeper) -> None:
    keeper.statuses = [503, 404, 401]
    send(keeper, [(context(), line("said"))])
    assert (keeper.calls, list(keeper.batches), keeper.texts()) == (4, [1], ["said"])


def test_what_is_refused_is_said_to_be_dropped_and_holds_nothing_up(keeper: Keeper) -> None:
    keeper.statuses = [422]
    send(keeper, [(context(), line("one")), (context(), line("two"))])
    assert keeper.texts() == ["2 lines were dropped: they couldn't be handed on."]


def test_what_there_is_no_room_for_is_said_to_be_dropped_and_takes_nobody_elses(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sender, "WAITING_BYTES", 40_000)
    flood = [(context("ins_1"), line(f"{number:04} {'x' * 739}")) for number in range(100)]
    send(keeper, [*flood, (context("ins_2"), line("I too"))], instances=4)
    texts = keeper.texts("ins_1")
    assert [text[:4] for text in texts[:-1]] == [f"{number:04}" for number in range(10)]
    assert texts[-1] == "90 lines were dropped: they couldn't be handed on."
    assert keeper.texts("ins_2") == ["I too"]


def test_secrets_are_masked_and_long_lines_are_cut_and_said_to_be(keeper: Keeper) -> None:
    secret = "sk-live-1234567890"
    long = "y" * 8_185 + secret + "z" * 4_000
    of_it = context(key=secret)
    send(keeper, [(of_it, line(f"key={secret}")), (of_it, line(long)), (of_it, line("short", cut=True))])
    plain, cut, short = keeper.texts()
    assert plain == "key=********"
    assert len(cut) == 8192
    assert cut.endswith("y [cut: a line may have 8192 characters]")
    assert short.startswith("short [cut")
    assert "sk-" not in cut


def test_a_character_that_can_not_be_kept_is_replaced(keeper: Keeper) -> None:
    send(keeper, [(context(), line("a\0b"))])
    assert keeper.texts() == ["a\N{REPLACEMENT CHARACTER}b"]
