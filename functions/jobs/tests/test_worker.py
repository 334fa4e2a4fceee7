"""A real worker, with a real Redis between it and those who send it jobs."""

import base64
import json
import signal
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import Celery

from core import context
from functions.jobs import queue
from functions.jobs.settings import ADMIN_QUEUE, CONVERGE, DATABASE, DEAD, USER_QUEUE, configuration
from testing.environment import Environment
from testing.launches import Launched
from tools.local.ports import free_ports
from tools.local.servers import redis_server
from tools.local.servers.managed_process import ManagedProcess

Launch = Callable[..., Launched]
Worker = Callable[..., ManagedProcess]
Eventually = Callable[[Callable[[], Any]], Any]

NEVER = "1000"
"""Seconds to the next sweep, so that a job alone must do."""


def slow_to_start() -> str:
    """Return an agent whose code takes a while to load, which no host has loaded yet."""
    return f"# {uuid4()}\nimport time\ntime.sleep(5)\ndef agent(request):\n    return {{'text': 'ready'}}\n"


def test_a_job_brings_a_new_instance_to_running(launch: Launch, worker: Worker, eventually: Eventually) -> None:
    instance = launch()
    worker(INSTANCE_SWEEP_SECONDS=NEVER)
    queue.converge(instance.id)
    eventually(lambda: instance.status == "running")
    assert instance.statuses() == ["provisioning", "starting", "running"]
    assert instance.say("hello").json["text"] == "hello"


def test_two_workers_with_two_jobs_for_one_instance_do_the_work_once(
    launch: Launch, worker: Worker, eventually: Eventually
) -> None:
    instance = launch()
    for _ in range(2):
        worker()
        queue.converge(instance.id)
    eventually(lambda: instance.status == "running")
    assert instance.statuses() == ["provisioning", "starting", "running"]


def test_the_sweep_finds_what_was_lost_on_the_way(launch: Launch, worker: Worker, eventually: Eventually) -> None:
    instance = launch()
    worker()
    eventually(lambda: instance.status == "running")


def test_an_instance_arrives_though_its_worker_is_killed(
    launch: Launch, worker: Worker, eventually: Eventually
) -> None:
    instance = launch()
    queue.converge(instance.id)
    killed = worker(BOTBERI_FAILPOINT="converge.done.prepare")
    eventually(lambda: not killed.alive)
    assert killed.process.returncode == -signal.SIGKILL
    worker()
    eventually(lambda: instance.status == "running")
    assert instance.statuses() == ["provisioning", "starting", "running"]


def test_trace_and_actor_come_along_to_the_worker(
    launch: Launch, worker: Worker, eventually: Eventually, env: Environment
) -> None:
    instance = launch()
    worker(INSTANCE_SWEEP_SECONDS=NEVER)
    caused = context.Context(trace_id="ab" * 16, span_id="cd" * 8, actor="usr_somebody")
    with context.entered(caused):
        queue.converge(instance.id, queue=ADMIN_QUEUE)
    eventually(lambda: instance.status == "running")
    assert {event["actor"] for event in instance.history() if event["kind"] == "status"} == {"usr_somebody"}
    with env.transaction("shared_psql", "relay") as db:
        query = "select count(*) from outbox where subject = %s and traceparent like %s"
        received = db.exec_driver_sql(query, (instance.id, f"00-{'ab' * 16}-%")).scalar()
    assert received == 3


def test_emptying_redis_loses_nothing(launch: Launch, worker: Worker, eventually: Eventually, env: Environment) -> None:
    first, second = launch(), launch()
    worker(INSTANCE_SWEEP_SECONDS=NEVER)
    queue.converge(first.id)
    eventually(lambda: first.status == "running")
    with env.redis() as client:
        client.flushall()
    queue.converge(second.id)
    eventually(lambda: second.status == "running")


def test_a_worker_takes_no_orders_over_redis(launch: Launch, worker: Worker, eventually: Eventually) -> None:
    instance = launch()
    running = worker(INSTANCE_SWEEP_SECONDS=NEVER)
    with Celery("test", set_as_current=False) as flower:
        flower.conf.update(configuration("flower"))
        eventually(lambda: flower.control.ping(timeout=1))
        for order in ("cancel_consumer", "pool_shrink", "shutdown"):
            [answer] = flower.control.broadcast(order, {"queue": USER_QUEUE}, reply=True, timeout=10, limit=1) or []
            assert [*answer.values()] == [{"error": f"KeyError('{order}')"}]
        queue.converge(instance.id)
        eventually(lambda: instance.status == "running")
    assert running.alive


def test_a_worker_leaves_its_job_behind_and_the_instance_lives_on(
    launch: Launch, worker: Worker, eventually: Eventually
) -> None:
    slow = launch(slow_to_start())
    queue.converge(slow.id)
    leaving = worker()
    eventually(lambda: slow.status == "starting")
    leaving.process.terminate()
    leaving.process.wait(60)
    # It did not wait for the agent, which whoever takes the job next does.
    assert (slow.status, slow.row()["lease_owner"]) == ("starting", None)
    worker()
    eventually(lambda: slow.status == "running")
    assert slow.statuses() == ["provisioning", "starting", "running"]


def test_a_worker_that_is_at_work_finds_redis_again_when_it_comes_back(
    launch: Launch, worker: Worker, eventually: Eventually, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports(1)[0]
    monkeypatch.setenv("USER_REDIS_URL", f"127.0.0.1:{port}")
    client = queue._client.__wrapped__()
    monkeypatch.setattr(queue, "_client", lambda: client)

    def redis_comes() -> ManagedProcess:
        started = redis_server.start(f"redis-{port}", port, run=env.session, durable=False)
        started.wait_until(lambda: redis_server.answers(port))
        return started

    first = redis_comes()
    one, other = launch(slow_to_start()), launch()
    at_work = worker(INSTANCE_SWEEP_SECONDS=NEVER)
    queue.converge(one.id)
    eventually(lambda: one.status == "starting")
    first.process.kill()
    first.process.wait()
    eventually(lambda: one.status == "running" and "Trying again" in at_work.log.read_text())
    second = redis_comes()
    queue.converge(other.id)
    eventually(lambda: other.status == "running")
    client.close()
    second.stop()


def job(body: object = (["ins_nobody"], {}, {}), task: str | None = CONVERGE, kind: str = "application/json") -> str:
    """Return an element of a queue as a client writes it, its body encoded twice."""
    encoded = base64.b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode()
    information = {"exchange": "", "routing_key": USER_QUEUE}
    properties = {"delivery_tag": "t1", "body_encoding": "base64", "delivery_info": information}
    message = {"body": encoded, "content-encoding": "utf-8", "content-type": kind, "properties": properties}
    return json.dumps(message | {"headers": {"task": task, "id": "1", "lang": "py", "argsrepr": "", "kwargsrepr": ""}})


BROKEN: Final = {
    "no JSON": "rubbish",
    "bytes": b"\xff\x00",
    "empty": "",
    "nested": "[" * 100_000,
    "no object": "[1]",
    "null": "null",
    "an empty object": "{}",
    "properties without a tag": json.dumps(json.loads(job()) | {"properties": {}}),
    "no headers": json.dumps(json.loads(job()) | {"headers": None}),
    "a body that is no base64": json.dumps(json.loads(job()) | {"body": "%%%"}),
    "a body that is no JSON": job(b"{"),
    "pickle": job(kind="application/x-python-serialize"),
    "no name": job(task=None),
    "a name that nobody knows": job(task="os.system"),
    "a body that is no list": job({"a": 1}),
    "arguments that are no list": job(["ins_nobody", {}, {}]),
    "too few arguments": job([[], {}, {}]),
    "too many arguments": job([["a", "b"], {}, {}]),
    "an argument of another kind": job([[{"a": 1}], {}, {}]),
}


def test_what_is_no_job_costs_itself_alone(
    launch: Launch, worker: Worker, eventually: Eventually, env: Environment
) -> None:
    instance = launch()
    running = worker(INSTANCE_SWEEP_SECONDS=NEVER)
    with env.redis(database=DATABASE) as client:
        client.delete(DEAD)
        for broken in BROKEN.values():
            client.lpush(USER_QUEUE, broken)
        client.publish(f"/{DATABASE}.celery.pidbox", "{}")
        queue.converge(instance.id)
        eventually(lambda: instance.status == "running")
        eventually(lambda: client.llen(DEAD) == len(BROKEN))
        reasons = [json.loads(each)["reason"] for each in client.lrange(DEAD, 0, -1)]
    assert running.alive
    assert {reason.partition(" (")[0] for reason in reasons} == {"it can't be read", "it is no job"}
    # What is in it is nobody's business.
    assert "ins_nobody" not in running.log.read_text()
