"""Messages, to agents that do well and to some that don't."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from functions.domain.encryption import KEY_BYTES
from functions.domain.instances import contexts
from functions.jobs import converge
from functions.runtime import agent_host_client, run_stream
from testing import seeing_through
from testing.environment import Environment
from testing.instances import ReplaceSecret
from testing.launches import Launched
from testing.responses import Response
from tools.local.ports import free_ports
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

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
COUNTS = """
asked = 0

def agent(request):
    global asked
    asked += 1
    return {"text": str(asked)}
"""
FORGETS = """
import json, os, pathlib
if json.loads(pathlib.Path(os.environ["AGENT_CONFIG"]).read_text())["broken"]:
    raise RuntimeError("no key")
def agent(request):
    return {"text": "well"}
"""


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_stream, "SECONDS", 20)


@pytest.fixture
def running(launch: Launch) -> Callable[..., Launched]:
    """`running(source)` is an instance that runs."""

    def start(source: str = SAYS, config: dict[str, object] | None = None) -> Launched:
        instance = launch(source, config)
        converge.converge(instance.id)
        assert instance.status == "running"
        return instance

    return start


def outcome(answer: Response) -> tuple[str, str]:
    """Return the status and the reason of the run that is answered."""
    assert answer.status_code in {200, 202}, answer.text
    return answer.json["status"], answer.json["reason"]


def test_a_message_begins_a_run_whose_text_is_the_reply(running: Launch) -> None:
    instance = running()
    asked = instance.ask_agent("Hello yourself")
    assert (asked.status_code, asked.headers["Location"]) == (202, f"/v1/runs/{asked.json['id']}")
    assert outcome(asked) == ("queued", "accepted")
    answer = instance.say("Hello again")
    assert (outcome(answer), answer.json["text"]) == (("completed", "completed"), "Hello again")
    assert answer.json["message_id"].startswith("msg_")


def test_the_trace_of_the_request_goes_on_to_the_agent(running: Launch, env: Environment) -> None:
    instance = running()
    asked = instance.ask_agent("trace")
    seeing_through.see_through(env, asked.json["id"])
    run = instance.api.user.get(asked.headers["Location"], token=instance.owner.token)
    assert run.json["text"].startswith(f"00-{asked.headers['X-Request-Id']}-")


def test_an_agent_that_raises_is_told_with_its_exception(running: Launch) -> None:
    answer = running().say("raise")
    assert outcome(answer) == ("failed", "agent_failed")
    assert answer.json["explanation"] == "The agent failed: RuntimeError: no key."


@pytest.mark.parametrize("text", ["raise", "end"])
def test_an_agent_that_fails_tells_none_of_its_secrets(launch: Launch, text: str) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = launch(TELLS, {"key": "sk-only-for-the-agent"}, schema=schema)
    converge.converge(instance.id)
    answer = instance.say(text)
    assert outcome(answer) == ("failed", "agent_failed")
    assert "key" in answer.json["explanation"]
    assert "********" in answer.json["explanation"]
    assert "sk-only-for-the-agent" not in answer.text


def test_an_answer_that_is_none_is_the_agents_fault(running: Launch) -> None:
    assert outcome(running().say("redirect")) == ("failed", "agent_response_invalid")


def test_an_agent_that_hangs_is_waited_for_no_longer_than_it_may(running: Launch, env: Environment) -> None:
    instance = running()
    asked = instance.api.user.post(
        f"{instance.path}/messages", json={"text": "sleep", "seconds": 1}, token=instance.owner.token
    )
    seeing_through.see_through(env, asked.json["id"])
    run = instance.api.user.get(asked.headers["Location"], token=instance.owner.token)
    assert outcome(run) == ("failed", "agent_timed_out")


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
    assert outcome(answer) == ("failed", "agent_failed")
    assert answer.json["explanation"].endswith("RuntimeError: no key.")
    assert instance.row()["attempts"] == 1
    converge.converge(instance.id)
    assert instance.reasons()[-1] == "agent_exited"


def test_without_a_host_a_message_waits_and_no_address_is_told(
    running: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = running()
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    answer = instance.say("Hello")
    assert outcome(answer) == ("queued", "agent_unavailable")
    assert "127.0.0.1" not in answer.text


def test_while_keys_are_exchanged_either_will_do(running: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = running()
    both = (b"x" * KEY_BYTES, *contexts.keys())
    monkeypatch.setattr(agent_host_client, "keys", lambda: both)
    assert instance.say("Hello").json["text"] == "Hello"
    monkeypatch.setattr(agent_host_client, "keys", lambda: both[:1])
    assert outcome(instance.say("Hello")) == ("queued", "agent_unavailable")


@pytest.mark.parametrize(
    "words", ["", "   \n", "x" * 65_537, "\N{GRINNING FACE}" * 16_385, None, 5, {"a": 1}, "a" * 1_100_000, "a\x00b"]
)
def test_what_is_no_message_is_refused_before_the_agent_receives_of_it(launch: Launch, words: object) -> None:
    instance = launch()
    instance.put(status="'running'", deadline_at="null")
    assert instance.say(words).status_code in {413, 422}


def test_messages_and_replies_are_counted_in_bytes_whatever_their_script(running: Launch) -> None:
    instance = running("def agent(request):\n    return {'text': request.get_json()['text'] * 3}\n")
    for character in ("x", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", "\N{GRINNING FACE}"):
        words = character * (65_536 // len(character.encode()))
        answer = instance.say(words)
        assert outcome(answer) == ("completed", "completed")
        assert answer.json["text"] == words * 3


def test_what_is_asked_twice_with_one_key_is_done_once(running: Launch, env: Environment) -> None:
    instance = running(COUNTS)
    first = instance.ask_agent("once", Idempotency_Key="a-key")
    seeing_through.see_through(env, first.json["id"])
    again = instance.ask_agent("once", Idempotency_Key="a-key")
    other = instance.ask_agent("something else", Idempotency_Key="a-key")
    malformed = instance.ask_agent("once", Idempotency_Key="a key")
    assert (again.json["id"], again.json["text"]) == (first.json["id"], "1")
    assert (other.status_code, other.code) == (422, "idempotency_key_reused")
    assert (malformed.status_code, malformed.code) == (400, "idempotency_key_malformed")
    assert instance.say("twice").json["text"] == "2"


def test_whoever_prefers_to_wait_is_answered_with_what_there_is_by_then(running: Launch, env: Environment) -> None:
    instance = running()
    asked = instance.ask_agent("Hello", Prefer="respond-async, wait=1", Idempotency_Key="k")
    assert (asked.status_code, asked.headers["Preference-Applied"]) == (202, "wait=1")
    seeing_through.see_through(env, asked.json["id"])
    ended = instance.ask_agent("Hello", Prefer="wait=100", Idempotency_Key="k")
    assert (ended.status_code, ended.headers["Preference-Applied"]) == (200, "wait=30")
    assert (ended.json["id"], ended.json["text"]) == (asked.json["id"], "Hello")


def test_a_message_is_answered_as_a_stream_of_its_run(running: Launch, env: Environment) -> None:
    instance = running()
    asked = instance.ask_agent("Hello", Idempotency_Key="k")
    seeing_through.see_through(env, asked.json["id"])
    stream = instance.ask_agent("Hello", Accept="text/event-stream", Idempotency_Key="k")
    assert (stream.status_code, stream.headers["Location"]) == (200, asked.headers["Location"])
    retry, *events, last = stream.text.split("\n\n")
    assert (retry, last) == ("retry: 500", "")
    assert [each.split("\n")[:2] for each in events] == [
        [f"id: {number}", f"event: {kind}"] for number, kind in enumerate(("status", "status", "text", "status"), 1)
    ]
    assert events[2].endswith('\ndata: {"text": "Hello"}')
    rest = instance.ask_agent("Hello", Accept="text/event-stream", Idempotency_Key="k", Last_Event_ID="3")
    assert rest.text == f"retry: 500\n\n{events[3]}\n\n"


def test_nobody_waits_for_somebody_elses_slow_agents_and_a_reply_is_streamed_as_it_comes(
    running: Launch, runner: Callable[..., ManagedProcess]
) -> None:
    slow, other = running(), running()
    waiting = [slow.ask_agent("sleep") for _ in range(5)]
    runner(RUNS_OF_OWNER="4", RUNS_OF_INSTANCE="4")
    begun = time.monotonic()
    answer = other.ask_agent("quick", Prefer="wait=30")
    assert (answer.status_code, answer.json["text"]) == (200, "quick")
    assert time.monotonic() - begun < 20
    stream = other.ask_agent("streamed", Accept="text/event-stream")
    assert stream.text.count("event: text") == 1
    assert '"status": "completed"' in stream.text

    def status(asked: Response) -> str:
        return str(slow.api.user.get(asked.headers["Location"], token=slow.owner.token).json["status"])

    assert until(lambda: status(waiting[0]) == "running", seconds=60)
    assert status(waiting[-1]) == "queued"
    for each in waiting:
        slow.api.user.post(f"{each.headers['Location']}/cancel", token=slow.owner.token)


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
    assert outcome(instance.say("hello")) == ("queued", "agent_unavailable")
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
