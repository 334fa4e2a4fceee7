"""What an agent writes reaches its owner, whenever it was written."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core import http_client
from functions.jobs import converge
from functions.subscribers.tests.test_keep_agent_logs import hand_on, lines_of, texts_of, written
from provisioning.local_settings import ROOT
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from tools.local import health
from tools.local.servers import managed_process

Launch = Callable[..., Launched]
Eventually = Callable[..., Any]

WRITES = """
import json, logging, os, pathlib, sys, threading, time

print("while it is loaded")


def key():
    return json.loads(pathlib.Path(os.environ["AGENT_CONFIG"]).read_text()).get("key", "none")


def agent(request):
    text = request.get_json()["text"]
    if text == "raise":
        raise RuntimeError("OPENAI_API_KEY missing")
    if text == "key":
        print(f"the key is {key()}")
    if text == "later":
        threading.Timer(0.5, print, ["between messages"], {"flush": True}).start()
    if text == "flood":
        for number in range(5000):
            print(number, "x" * 100)
    if text == "warn":
        logging.getLogger("mine").warning("careful")
    print("answering", text)
    return {"text": text}
"""

SECRETIVE = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}


@pytest.fixture(scope="module")
def functions_host(env: Environment) -> Iterator[str]:
    """Run the function that hosts hand lines on to, and the one that streams them; yield the address of the latter."""
    command = [sys.executable, "-m", "functions.runtime.host", "keep_agent_logs", "list_instance_logs"]
    for api, port in (("subscribers", env.ports.subscribers), ("user", env.ports.user)):
        command += ["--bind", f"127.0.0.1:{port}={api}"]
    name = f"functions-{env.worker}"
    process = managed_process.start(name, command, run=env.session, cwd=ROOT, environment=dict(os.environ))
    try:
        process.wait_until(lambda: health.answers(env.ports.user, "/_/health"))
        yield f"http://127.0.0.1:{env.ports.user}"
    finally:
        process.stop()


@pytest.fixture
def running(functions_host: str, launch: Launch) -> Launch:
    """`running(source, config)` is an instance that runs, and whose lines are kept."""

    def start(source: str = WRITES, config: dict[str, object] | None = None) -> Launched:
        instance = launch(source, config, schema=SECRETIVE)
        converge.converge(instance.id)
        assert instance.status == "running"
        return instance

    return start


def test_what_is_written_during_a_message_names_it_and_what_is_written_otherwise_does_not(
    running: Launch, eventually: Eventually
) -> None:
    instance = running()
    answer = instance.say("later")
    eventually(lambda: "between messages" in texts_of(instance))
    found = {(line["text"], line["message_id"]) for line in lines_of(instance)}
    assert found == {
        ("while it is loaded", None),
        ("answering later", answer.json["message_id"]),
        ("between messages", None),
    }
    instance.say("warn")
    eventually(lambda: texts_of(instance, "&level=warning") == ["careful"])


def test_why_an_agent_failed_is_in_its_log(running: Launch, eventually: Eventually) -> None:
    instance = running()
    assert instance.say("raise").json["reason"] == "agent_failed"
    eventually(lambda: "RuntimeError: OPENAI_API_KEY missing" in texts_of(instance, "&level=error"))
    assert "Traceback (most recent call last):" in texts_of(instance, "&level=error")


def test_why_an_agent_does_not_start_is_in_its_log(functions_host: str, launch: Launch, eventually: Eventually) -> None:
    instance = launch('raise RuntimeError("OPENAI_API_KEY missing")\ndef agent(request):\n    return {"text": "x"}\n')
    converge.converge(instance.id)
    eventually(lambda: "RuntimeError: OPENAI_API_KEY missing" in texts_of(instance, "&level=error"))


def test_a_secret_that_is_written_is_masked(running: Launch, eventually: Eventually) -> None:
    instance = running(config={"key": "sk-live-hunter2"})
    instance.say("key")
    eventually(lambda: "answering key" in texts_of(instance))
    assert "the key is ********" in texts_of(instance)


def test_a_flood_is_cut_down_and_said_to_be_and_another_instance_is_not_in_it(
    running: Launch, eventually: Eventually
) -> None:
    flood, other = running(), running()
    flood.say("flood")
    other.say("quiet")
    # By its sandbox, or before it was handed on.
    eventually(lambda: any("were dropped: " in text for text in texts_of(flood, "&level=warning")))
    eventually(lambda: texts_of(other) == ["while it is loaded", "answering quiet"])
    [told, *_] = lines_of(flood, "&level=warning")
    assert told["stream"] == "platform"


@contextmanager
def followed(address: str, instance: Launched, **headers: str) -> Iterator[Iterator[tuple[int, str]]]:
    """Yield the events of a stream, each as its id and the line's text, until it ends or the block does."""
    told = {"Authorization": f"Bearer {instance.owner.token}", "Accept": "text/event-stream", **headers}
    with http_client.exchange("GET", f"{address}{instance.path}/logs", seconds=120, headers=told) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"

        def events() -> Iterator[tuple[int, str]]:
            number = 0
            while line := response.readline(1 << 20).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "data":
                    yield number, json.loads(value)["text"]

        yield events()


def test_who_follows_sees_what_is_written_later_and_goes_on_where_they_were(
    api: Api, functions_host: str, launch: Launch
) -> None:
    instance = launch()
    hand_on(api, instance, written("a", "b"))
    with followed(functions_host, instance) as events:
        assert [next(events), next(events)] == [(1, "a"), (2, "b")]
        hand_on(api, instance, written("c"))
        assert next(events) == (3, "c")
    hand_on(api, instance, written("d", "e"))
    with followed(functions_host, instance, **{"Last-Event-ID": "3"}) as events:
        assert [next(events), next(events)] == [(4, "d"), (5, "e")]
        hand_on(api, instance, written("f"))
        assert next(events) == (6, "f")


def test_a_stream_ends_by_itself_and_says_meanwhile_that_it_goes_on(functions_host: str, launch: Launch) -> None:
    instance, began = launch(), time.monotonic()
    with followed(functions_host, instance) as events:
        assert list(events) == []
    assert time.monotonic() - began > 15


def test_many_who_follow_take_no_threads(api: Api, functions_host: str, launch: Launch) -> None:
    instance = launch()
    opened = []
    try:
        # The host of the test has eight threads.
        for _ in range(12):
            opened.append(followed(functions_host, instance))
            opened[-1].__enter__()
        hand_on(api, instance, written("said"))
        with followed(functions_host, instance) as events:
            assert next(events) == (1, "said")
    finally:
        for each in opened:
            each.__exit__(None, None, None)


@pytest.mark.parametrize("given", ["x", "-1", "9" * 19, ""])
def test_an_event_id_that_is_none_is_refused(api: Api, launch: Launch, given: str) -> None:
    instance = launch()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": given}
    answer = api.user.get(f"{instance.path}/logs", token=instance.owner.token, headers=headers)
    assert (answer.status_code, answer.code) == (400, "last_event_id_malformed")


def test_somebody_elses_log_can_not_be_followed(api: Api, launch: Launch, person: Callable[..., Person]) -> None:
    headers = {"Accept": "text/event-stream"}
    answer = api.user.get(f"{launch().path}/logs", token=person().token, headers=headers)
    assert (answer.status_code, answer.code) == (404, "instance_not_found")
