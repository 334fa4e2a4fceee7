"""Messages, to agents that do well and to some that don't."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from functions.domain.encryption import KEY_BYTES
from functions.domain.instances import contexts
from functions.jobs import converge
from functions.runtime import agent_host_client
from testing.environment import Environment
from testing.instances import ReplaceSecret
from testing.launches import Launched
from tools.local.ports import free_ports

Launch = Callable[..., Launched]

SAYS = """
import time

import flask


def agent(request):
    text = request.get_json()["text"]
    if text == "raise":
        raise RuntimeError("no key")
    if text == "sleep":
        time.sleep(30)
    if text == "trace":
        text = request.headers["traceparent"]
    if text == "redirect":
        return flask.redirect("http://127.0.0.1:1/")
    return {"text": text, "id": request.get_json()["id"]}
"""
TELLS = """
import json, os, pathlib
def key():
    return json.loads(pathlib.Path(os.environ["AGENT_CONFIG"]).read_text())["key"]
def agent(request):
    if request.get_json()["text"] == "end":
        print(f"the key is {key()}", file=__import__("sys").stderr, flush=True)
        os._exit(3)
    raise RuntimeError(f"wrong key: {key()}")
"""
FORGETS = """
import json, os, pathlib
if json.loads(pathlib.Path(os.environ["AGENT_CONFIG"]).read_text())["broken"]:
    raise RuntimeError("no key")
def agent(request):
    return {"text": "well"}
"""


@pytest.fixture
def running(launch: Launch) -> Callable[..., Launched]:
    """`running(source)` is an instance that runs."""

    def start(source: str = SAYS, config: dict[str, object] | None = None) -> Launched:
        instance = launch(source, config)
        converge.converge(instance.id)
        assert instance.status == "running"
        return instance

    return start


def test_the_reply_comes_back_with_how_long_it_took(running: Launch) -> None:
    answer = running().say("Hello yourself")
    assert answer.status_code == 200
    assert (answer.json["text"], answer.json["id"][:4]) == ("Hello yourself", "msg_")
    assert answer.json["replied_in_ms"] >= 0


def test_the_trace_of_the_request_goes_on_to_the_agent(running: Launch) -> None:
    answer = running().say("trace")
    assert answer.json["text"].startswith(f"00-{answer.headers['X-Request-Id']}-")


def test_an_agent_that_raises_is_told_with_its_exception(running: Launch) -> None:
    answer = running().say("raise")
    assert (answer.status_code, answer.code) == (502, "agent_failed")
    assert answer.json["detail"] == "The agent failed: RuntimeError: no key"


@pytest.mark.parametrize("text", ["raise", "end"])
def test_an_agent_that_fails_tells_none_of_its_secrets(launch: Launch, text: str) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = launch(TELLS, {"key": "sk-only-for-the-agent"}, schema=schema)
    converge.converge(instance.id)
    answer = instance.say(text)
    assert (answer.status_code, answer.code) == (502, "agent_failed")
    assert "key" in answer.json["detail"]
    assert "********" in answer.json["detail"]
    assert "sk-only-for-the-agent" not in answer.text


def test_an_answer_that_is_none_is_the_agents_fault(running: Launch) -> None:
    answer = running().say("redirect")
    assert (answer.status_code, answer.code) == (502, "agent_response_invalid")


def test_an_agent_that_hangs_is_waited_for_no_longer_than_it_may_and_others_go_on(running: Launch) -> None:
    slow, other = running(), running()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(slow.say, "sleep") for _ in range(4)]
        time.sleep(0.5)
        assert other.say("quick").json["text"] == "quick"
        answers = [each.result() for each in waiting]
    assert {(answer.status_code, answer.code) for answer in answers} == {(503, "agent_timed_out")}


def test_a_message_that_cannot_wake_its_agent_says_why_and_has_it_looked_at(running: Launch, env: Environment) -> None:
    instance = running(FORGETS, {"broken": False})
    instance.ask("stop")
    converge.converge(instance.id)
    broken = {"id": instance.id, "config": '{"broken": true}'}
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("update instance_specs set config = :config where instance_id = :id"), broken)
        db.execute(text("update instances set config = :config where id = :id"), broken)
    instance.put(status="'running'", desired_state="'running'")
    answer = instance.say("Are you well?")
    assert (answer.status_code, answer.code) == (502, "agent_failed")
    assert answer.json["detail"].endswith("RuntimeError: no key.")
    assert instance.row()["attempts"] == 1
    converge.converge(instance.id)
    assert instance.reasons()[-1] == "agent_exited"


def test_without_a_host_the_agent_is_unavailable_and_no_address_is_told(
    running: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = running()
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    answer = instance.say("Hello")
    assert (answer.status_code, answer.code) == (503, "agent_unavailable")
    assert "127.0.0.1" not in answer.text


def test_while_keys_are_exchanged_either_will_do(running: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = running()
    both = (b"x" * KEY_BYTES, *contexts.keys())
    monkeypatch.setattr(agent_host_client, "keys", lambda: both)
    assert instance.say("Hello").json["text"] == "Hello"
    monkeypatch.setattr(agent_host_client, "keys", lambda: both[:1])
    assert instance.say("Hello").code == "agent_unavailable"


@pytest.mark.parametrize("words", ["", "   \n", "x" * 4001, None, 5, {"a": 1}, "a" * 70_000, "a\x00b"])
def test_what_is_no_message_is_refused_before_the_agent_receives_of_it(launch: Launch, words: object) -> None:
    instance = launch()
    instance.put(status="'running'", deadline_at="null")
    assert instance.say(words).status_code in {413, 422}


def test_an_instance_that_is_not_running_says_what_it_is(launch: Launch) -> None:
    answer = launch().say("Hello")
    assert (answer.status_code, answer.code) == (409, "instance_not_running")
    assert answer.json["detail"] == "The instance takes no messages, its status is pending: The instance was created."


@pytest.mark.parametrize("command", ["stop", "delete"])
def test_from_the_moment_of_a_stop_or_a_deletion_no_message_is_taken(running: Launch, command: str) -> None:
    instance = running()
    instance.ask(command)
    assert instance.say("still there?").code == "instance_not_running"


def test_without_the_keys_of_agent_hosts_nothing_reaches_an_agent_and_the_log_says_why(
    running: Callable[..., Launched], replace_secret: ReplaceSecret, caplog: pytest.LogCaptureFixture
) -> None:
    instance = running()
    replace_secret(contexts.KEYS_NAME, None)
    assert instance.say("hello").code == "agent_unavailable"
    assert f"the secret {contexts.KEYS_NAME} is missing" in caplog.text
    caplog.clear()
    instance.ask("stop")
    converge.converge(instance.id)
    assert instance.status == "stopping"
    assert f"no agent host ends 1 instances: the secret {contexts.KEYS_NAME} is missing" in caplog.text


def test_an_instance_tells_whether_it_is_awake_as_far_as_anybody_knows(
    running: Callable[..., Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = running()
    instance.say("hello")
    assert instance.read()["awake_children"] == 1
    with monkeypatch.context() as away:
        away.setenv(agent_host_client.SETTING, f"http://127.0.0.1:{free_ports(1)[0]}")
        assert instance.read()["awake_children"] is None
    instance.ask("stop")
    converge.converge(instance.id)
    assert (instance.status, instance.read()["awake_children"]) == ("stopped", 0)
