import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.ids import new_id
from functions.jobs import queue
from functions.jobs.settings import ADMIN_QUEUE, DATABASE, USER_QUEUE
from testing.clients import Api
from testing.environment import Environment
from tools.local.ports import free_ports

TRACE = "ab" * 16


@pytest.fixture
def jobs(env: Environment) -> Iterator[Callable[[str], list[Any]]]:
    client = env.redis(database=DATABASE)
    client.delete(USER_QUEUE, ADMIN_QUEUE)
    yield lambda name: [json.loads(message) for message in client.lrange(name, 0, -1)]
    client.delete(USER_QUEUE, ADMIN_QUEUE)
    client.close()


def changed(reason: str = "start_requested") -> dict[str, Any]:
    instance_id = new_id("ins")
    return {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": "com.botberi.instance.desired_state_changed.v1",
        "subject": instance_id,
        "time": "2026-01-01T00:00:00Z",
        "traceparent": f"00-{TRACE}-{'cd' * 8}-01",
        "actor": "usr_1",
        "data": {"instance_id": instance_id, "owner_id": "usr_1", "desired_state": "running", "reason": reason},
    }


Jobs = Callable[[str], list[Any]]


def test_a_command_becomes_a_job_with_its_trace_and_actor(api: Api, jobs: Jobs) -> None:
    event = changed()
    assert api.deliver("converge_instance", event).status_code == 200
    (job,) = jobs(USER_QUEUE)
    assert job["headers"]["task"] == "instance.converge"
    assert event["subject"] in job["headers"]["argsrepr"]
    assert job["headers"]["traceparent"].split("-")[1] == TRACE
    assert (job["headers"]["actor"], job["headers"]["causationid"]) == ("usr_1", event["id"])


def test_the_same_event_twice_is_one_job(api: Api, jobs: Jobs) -> None:
    event = changed()
    assert [api.deliver("converge_instance", event).status_code for _ in range(2)] == [200, 200]
    assert len(jobs(USER_QUEUE)) == 1


def test_what_an_administrator_asks_for_has_a_queue_of_its_own(api: Api, jobs: Jobs) -> None:
    api.deliver("converge_instance", changed("stopped_by_administrator"))
    assert (len(jobs(ADMIN_QUEUE)), len(jobs(USER_QUEUE))) == (1, 0)


def test_without_redis_the_event_is_delivered_again(api: Api, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    event = changed()
    with monkeypatch.context() as away:
        away.setenv("USER_REDIS_URL", f"127.0.0.1:{free_ports(1)[0]}")
        away.setattr(queue, "_client", queue._client.__wrapped__)
        answer = api.deliver("converge_instance", event)
    assert (answer.status_code, answer.code) == (503, "job_queue_unavailable")
    assert "127.0.0.1" not in answer.text
    assert api.deliver("converge_instance", event).status_code == 200
    assert len(jobs(USER_QUEUE)) == 1
