"""The job, called as a worker calls it: with real agents, and deaths and crossings at the worst moments."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import context
from core.configuration import secret
from functions.domain.databases import SharedDb
from functions.domain.encryption import new_key
from functions.domain.instances import config_secrets, kill_switches, told
from functions.domain.instances.contexts import Context
from functions.domain.instances.kill_switches import Scope
from functions.domain.instances.plan import Action
from functions.jobs import converge
from functions.runtime import agent_host_client, databases
from functions.runtime.agent_host_client import StaleContext
from functions.runtime.databases import DatabaseUnavailable, shared_transaction
from testing import launches
from testing.clients import Api
from testing.environment import Environment
from testing.instances import ReplaceSecret
from testing.launches import Launched
from testing.people import Person
from tools.local.ports import free_ports

Launch = Callable[..., Launched]
Eventually = Callable[..., Any]

CRASHES = "raise RuntimeError('no key')\ndef agent(request):\n    return {}\n"
HANGS = "import time\ntime.sleep(1000)\ndef agent(request):\n    return {}\n"
SLOW = "import time\ntime.sleep(2)\ndef agent(request):\n    return {'text': 'slow'}\n"
ENDS = """
import os
def agent(request):
    text = request.get_json()["text"]
    return os._exit(3) if text == "die" else {"text": text}
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def agent(request):
    return {"text": "still here"}
"""
TELLS = """
import json, os
def agent(request):
    return {"text": json.load(open(os.environ["AGENT_CONFIG"]))["key"]}
"""


def after_a_job(instance: Launched) -> str:
    converge.converge(instance.id)
    return instance.status


def running(instance: Launched) -> Launched:
    assert after_a_job(instance) == "running"
    return instance


def context_of(instance: Launched) -> Context:
    with shared_transaction("worker") as db:
        return told.wanted(db, instance.id)


def awake(instance: Launched) -> int:
    """Return how many agents of an instance are awake."""
    told = agent_host_client.awake(instance.id)
    assert told is not None
    return told


@pytest.mark.parametrize("place", ["claimed:1", "claimed:3", "done:1", "done:2", "recorded:1", "recorded:2"])
def test_an_instance_arrives_though_its_worker_is_killed_in_any_act(
    launch: Launch, eventually: Eventually, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_LEASE_SECONDS", "1")
    instance = launch()
    script = f"from functions.jobs import converge; converge.converge({instance.id!r})"
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "BOTBERI_FAILPOINT": f"converge.{place}"}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    eventually(lambda: after_a_job(instance) == "running")
    assert instance.statuses() == ["provisioning", "starting", "running"]
    assert instance.say("hello").json["text"] == "hello"


@pytest.mark.parametrize(("act", "count"), [("claimed", 2), ("done", 1), ("recorded", 2)])
def test_a_deletion_is_finished_though_its_worker_is_killed_in_any_act(
    launch: Launch, eventually: Eventually, act: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_LEASE_SECONDS", "1")
    instance = running(launch())
    assert awake(instance) == 1
    instance.ask("delete")
    script = f"from functions.jobs import converge; converge.converge({instance.id!r})"
    environment = {**os.environ, "BOTBERI_FAILPOINT": f"converge.{act}:{count}"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    eventually(lambda: after_a_job(instance) == "deleted")
    assert awake(instance) == 0
    assert instance.statuses()[-2:] == ["deleting", "deleted"]
    assert instance.read()["config"] == {}


def test_two_workers_on_one_instance_do_the_work_once(launch: Launch) -> None:
    instance = launch()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(converge.converge, [instance.id] * 4))
    assert instance.statuses() == ["provisioning", "starting", "running"]


def test_a_job_that_comes_twice_changes_nothing_the_second_time(launch: Launch) -> None:
    instance = running(launch())
    before = instance.history()
    converge.converge(instance.id)
    assert instance.history() == before


def test_a_job_for_an_instance_that_does_not_exist_is_nothing(launch: Launch) -> None:
    assert launch().status == "pending"
    converge.converge("ins_00000000000070008000000000000000")


@pytest.mark.parametrize("command", ["stop", "delete"])
def test_a_command_that_comes_during_a_start_wins(launch: Launch, eventually: Eventually, command: str) -> None:
    instance = launch(HANGS)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(converge.converge, instance.id)
        eventually(lambda: instance.status == "starting")
        instance.ask(command)
        job.result(15)
    assert instance.status == {"stop": "stopped", "delete": "deleted"}[command]
    assert "running" not in instance.statuses()
    assert awake(instance) == 0


def test_an_agent_that_crashes_again_and_again_is_given_up(launch: Launch, eventually: Eventually) -> None:
    instance = launch(CRASHES)

    def failed() -> bool:
        instance.put(due_at="now()")
        converge.converge(instance.id)
        return instance.status == "failed"

    eventually(failed)
    assert instance.read()["reason"] == "crash_loop"
    assert "RuntimeError: no key" in instance.read()["message"]
    tries = [event for event in instance.history() if event["reason"] == "agent_exited"]
    assert [event["next"].split()[5] for event in tries] == ["1", "2", "4", "8"]
    assert all("RuntimeError: no key" in event["message"] for event in tries)


def test_what_was_given_up_stays_so_until_its_owner_starts_it(launch: Launch) -> None:
    instance = launch(CRASHES)
    instance.put(attempts="4")
    converge.converge(instance.id)
    assert instance.status == "failed"
    before = instance.history()
    converge.converge(instance.id)
    assert instance.history() == before
    assert instance.ask("start").status_code == 202
    assert instance.read()["attempts"] == 0
    converge.converge(instance.id)
    assert instance.statuses()[-3:] == ["provisioning", "starting", "pending"]


def test_an_agent_that_does_not_answer_in_time_is_ended_and_tried_again(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(converge.SECONDS, Action.VERIFY, 0.5)
    instance = launch(HANGS)
    instance.put(attempts="4")
    converge.converge(instance.id)
    assert (instance.status, instance.read()["reason"]) == ("failed", "start_timed_out")
    assert awake(instance) == 0


def test_an_agent_that_ends_while_it_answers_fails_the_message_and_not_the_instance(launch: Launch) -> None:
    instance = running(launch(ENDS))
    answer = instance.say("die")
    assert (answer.json["status"], answer.json["reason"]) == ("failed", "agent_failed")
    assert "exit code 3" in answer.json["explanation"]
    assert instance.status == "running"
    assert instance.say("live").json["text"] == "live"
    assert instance.reasons()[-1] == "agent_ready"


def test_an_agent_that_ignores_the_gentle_end_is_ended_by_force(launch: Launch) -> None:
    instance = running(launch(STUBBORN))
    instance.ask("stop")
    converge.converge(instance.id)
    assert instance.status == "stopped"
    assert awake(instance) == 0


def test_while_no_host_answers_a_start_waits_and_counts_no_try(
    launch: Launch, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch()
    with monkeypatch.context() as away:
        away.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
        converge.converge(instance.id)
        converge.converge(instance.id)
        assert instance.status == "provisioning"
        assert (instance.read()["reason"], instance.read()["attempts"]) == ("host_unreachable", 0)
    eventually(lambda: after_a_job(instance) == "running")
    assert instance.statuses() == ["provisioning", "provisioning", "starting", "running"]


@pytest.mark.parametrize(("command", "status"), [("stop", "stopped"), ("delete", "deleted")])
def test_what_no_host_can_end_is_given_up_at_its_deadline_and_not_before(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, command: str, status: str
) -> None:
    instance = running(launch())
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    instance.ask(command)
    assert after_a_job(instance) in {"stopping", "deleting"}
    instance.put(deadline_at="now()", due_at="now()")
    assert after_a_job(instance) == status
    assert instance.reasons()[-1] in {"stopped_unseen", "removed_unseen"}


def test_without_the_database_a_job_ends_and_the_instance_is_there_for_the_next(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch()
    with monkeypatch.context() as away:
        away.setenv("SHARED_PSQL_URL", f"127.0.0.1:{free_ports(1)[0]}/shared_psql")
        away.setattr(databases, "engine", databases.engine.__wrapped__)  # the one that is kept knows its own way
        with pytest.raises(DatabaseUnavailable):
            converge.converge(instance.id)
    running(instance)


def test_an_image_is_refused_with_the_reason(launch: Launch) -> None:
    instance = launch(image="registry.example/agent:1")
    converge.converge(instance.id)
    assert (instance.status, instance.read()["reason"]) == ("failed", "driver_cannot_run_image")


def test_starts_and_stops_that_cross_end_where_the_last_one_wanted(launch: Launch, eventually: Eventually) -> None:
    instance = launch(SLOW)
    with ThreadPoolExecutor(8) as pool:
        commands = [pool.submit(instance.ask, verb) for verb in ("stop", "start") * 4]
        jobs = [pool.submit(converge.converge, instance.id) for _ in range(3)]
        assert {command.result().status_code for command in commands} == {202}
        instance.ask("stop")
        for job in jobs:
            job.result(30)
    eventually(lambda: after_a_job(instance) == "stopped")
    assert instance.history()[-1]["value"] == "stopped"


def test_a_worker_that_is_late_starts_nothing_that_was_stopped(launch: Launch) -> None:
    instance = running(launch())
    before = context_of(instance)
    instance.ask("stop")
    assert after_a_job(instance) == "stopped"
    with pytest.raises(StaleContext):
        agent_host_client.do(Action.VERIFY, before, lambda: None)
    assert awake(instance) == 0


def test_a_worker_that_is_late_ends_nothing_that_was_started_again(launch: Launch) -> None:
    instance = running(launch())
    instance.ask("stop")
    before = context_of(instance)
    assert after_a_job(instance) == "stopped"
    instance.ask("start")
    assert after_a_job(instance) == "running"
    ended = agent_host_client.end({instance.id: before.row_version}, 5, lambda: None)
    assert ended.stale == {instance.id}
    assert awake(instance) == 1


@pytest.fixture
def several(api: Api, env: Environment, person: Callable[..., Person], publish: Callable[..., str]) -> list[Launched]:
    """Instances of one owner that run and are awake."""
    owner, slug = person(), publish()
    return [running(launches.launch(api, env, owner, slug)) for _ in range(3)]


@pytest.fixture
def kill_switch(env: Environment, several: list[Launched], nothing_stopped: None) -> None:
    """Have an operator stop them all."""
    with context.entered(context.Context.start(actor="usr_operator")):
        with env.transaction("shared_psql", "subscribers") as db:
            switch = kill_switches.engage(SharedDb(db), Scope.OWNER, several[0].owner.id, "A test.")
        with env.transaction("shared_psql", "subscribers") as db:
            kill_switches.apply(SharedDb(db), switch.id)


def causes(instance: Launched) -> list[str]:
    """Return the ids of the events by which the last two changes of its status were caused; its history has each."""
    with instance.env.transaction("shared_psql", "migrator") as db:
        query = """
        select causationid from outbox join instance_events using (id)
        where instance_id = %s and sequence = seq and type like '%%status_changed%%' order by seq
        """
        return list(db.exec_driver_sql(query, (instance.id,)).scalars())[-2:]


@pytest.mark.usefixtures("agent_host", "kill_switch")
def test_whoever_is_stopped_at_once_is_stopped_by_one_job_and_each_in_its_own_name(several: list[Launched]) -> None:
    asked = {each.id: each.history()[-1]["id"] for each in several}
    first = several[0]
    with context.entered(context.Context.start(actor="usr_operator", causation_id=asked[first.id])):
        assert converge.converge(first.id) == 2
    for each in several:
        assert [event["actor"] for event in each.history()[-3:]] == ["usr_operator"] * 3
        assert each.statuses()[-2:] == ["stopping", "stopped"]
        assert causes(each) == [asked[each.id]] * 2
        assert awake(each) == 0
        assert each.row()["lease_owner"] is None


@pytest.mark.usefixtures("agent_host", "kill_switch")
def test_one_that_is_started_again_meanwhile_keeps_no_other_from_being_stopped(
    several: list[Launched], env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, last = several
    end = agent_host_client.end

    def end_while_somebody_starts(*told: Any) -> agent_host_client.Ended:
        env.forget_kill_switches()
        assert again.ask("start").status_code == 202
        return end(*told)

    monkeypatch.setattr(agent_host_client, "end", end_while_somebody_starts)
    converge.converge(first.id)
    assert (first.status, last.status) == ("stopped", "stopped")
    assert again.row()["lease_owner"] is None
    monkeypatch.setattr(agent_host_client, "end", end)
    assert after_a_job(again) == "running"


def test_secrets_reach_the_agent_and_nobody_else(launch: Launch, caplog: pytest.LogCaptureFixture) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = running(launch(TELLS, {"key": "hunter2hunter2"}, schema=schema))
    assert instance.say("tell").json["text"] == "hunter2hunter2"
    shown = str([instance.read(), instance.history(), caplog.text])
    assert "hunter2hunter2" not in shown
    assert instance.read()["config"] == {"key": "********"}


def test_an_agent_whose_secrets_no_master_key_opens_is_tried_again_and_says_why(
    launch: Launch, replace_secret: ReplaceSecret, caplog: pytest.LogCaptureFixture
) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = launch(TELLS, {"key": "hunter2hunter2"}, schema=schema)
    keys = secret(config_secrets.KEYS_NAME)
    replace_secret(config_secrets.KEYS_NAME, new_key())
    converge.converge(instance.id)
    said = instance.read()
    assert (said["reason"], said["attempts"] > 0) == ("secrets_unreadable", True)
    assert f"isn't in the secret {config_secrets.KEYS_NAME}: add it" in caplog.text
    replace_secret(config_secrets.KEYS_NAME, keys)
    instance.put(due_at="now()")
    assert running(instance).say("tell").json["text"] == "hunter2hunter2"
