"""The job, called as a worker calls it: with real agents, and deaths and crossings at the worst moments."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from functions.drivers.base import StaleToken
from functions.drivers.processes import Process
from functions.jobs import converge
from functions.runtime import databases
from functions.runtime.databases import DatabaseUnavailable
from testing.launches import Launched
from tools.local.ports import free_ports

Launch = Callable[..., Launched]
Eventually = Callable[..., Any]

CRASHES = "raise SystemExit(1)\ndef agent(request):\n    return {}\n"
HANGS = "import time\ntime.sleep(1000)\ndef agent(request):\n    return {}\n"
SLOW = "import time\ntime.sleep(2)\ndef agent(request):\n    return {'text': 'slow'}\n"
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


def process_of(instance: Launched) -> Process:
    folder = os.environ["BOTBERI_INSTANCES"]
    process = Process.read(Path(folder) / instance.id / "process.json")
    assert process is not None
    return process


@pytest.mark.parametrize("place", ["claimed:1", "claimed:3", "done:2", "recorded:1", "recorded:2", "done:1"])
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


@pytest.mark.parametrize("act", ["claimed", "done", "recorded"])
def test_a_deletion_is_finished_though_its_worker_is_killed_in_any_act(
    launch: Launch, eventually: Eventually, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_LEASE_SECONDS", "1")
    instance = running(launch())
    process = process_of(instance)
    instance.ask("delete")
    script = f"from functions.jobs import converge; converge.converge({instance.id!r})"
    environment = {**os.environ, "BOTBERI_FAILPOINT": f"converge.{act}:2"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    eventually(lambda: after_a_job(instance) == "deleted")
    assert not process.lives
    assert instance.statuses()[-2:] == ["deleting", "deleted"]
    assert instance.read()["config"] == {}


def test_two_workers_on_one_instance_do_the_work_once(launch: Launch) -> None:
    instance = launch()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(converge.converge, [instance.id] * 4))
    assert instance.statuses() == ["provisioning", "starting", "running"]


def test_a_job_that_comes_twice_changes_nothing_the_second_time(launch: Launch) -> None:
    instance = running(launch())
    process, before = process_of(instance), instance.history()
    converge.converge(instance.id)
    assert (process_of(instance), instance.history()) == (process, before)


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


def test_an_agent_that_crashes_again_and_again_is_given_up(launch: Launch, eventually: Eventually) -> None:
    instance = launch(CRASHES)

    def failed() -> bool:
        instance.put(due_at="now()")
        converge.converge(instance.id)
        return instance.status == "failed"

    eventually(failed)
    assert instance.read()["reason"] == "crash_loop"
    assert instance.reasons().count("agent_exited") == 4
    waits = [event["next"] for event in instance.history() if event["reason"] == "agent_exited"]
    assert [wait.split()[5] for wait in waits] == ["1", "2", "4", "8"]


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


def test_an_agent_that_does_not_answer_in_time_is_ended_and_tried_again(launch: Launch, eventually: Eventually) -> None:
    instance = launch(HANGS)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(converge.converge, instance.id)
        eventually(lambda: instance.status == "starting")
        process = process_of(instance)
        instance.put(deadline_at="now()")
        eventually(lambda: "start_timed_out" in instance.reasons())
        instance.ask("stop")
        job.result(15)
    assert not process.lives
    assert instance.read()["status"] == "stopped"


def test_an_agent_that_ended_by_itself_is_started_again(launch: Launch) -> None:
    instance = running(launch())
    first = process_of(instance)
    first.kill()
    converge.converge(instance.id)
    assert instance.reasons()[-4:] == ["agent_exited", "preparing", "starting", "agent_ready"]
    assert instance.say("back?").json["text"] == "back?"
    assert process_of(instance) != first


def test_an_agent_that_ignores_the_gentle_end_is_ended_by_force(launch: Launch) -> None:
    instance = running(launch())
    process = process_of(instance)
    os.kill(process.pid, signal.SIGSTOP)
    instance.ask("stop")
    converge.converge(instance.id)
    assert instance.status == "stopped"
    assert not process.lives


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


def test_a_late_worker_that_starts_what_was_stopped_undoes_nothing(launch: Launch) -> None:
    instance = running(launch())
    instance.ask("stop")
    converge.converge(instance.id)
    before = instance.history()
    with pytest.raises(StaleToken):
        converge.driver().stop(instance.id, 1)
    converge.converge(instance.id)
    assert instance.history() == before


def test_secrets_reach_the_agent_and_nobody_else(launch: Launch, caplog: pytest.LogCaptureFixture) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = running(launch(TELLS, {"key": "hunter2hunter2"}, schema=schema))
    assert instance.say("tell").json["text"] == "hunter2hunter2"
    shown = str([instance.read(), instance.history(), caplog.text])
    assert "hunter2hunter2" not in shown
    assert instance.read()["config"] == {"key": "********"}
