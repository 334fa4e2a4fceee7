"""The platform's figures: they follow what happens, whoever changes it, and however it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain.accounts import administration
from functions.domain.databases import SharedDb, UserDb
from functions.domain.overview import figures
from functions.jobs import converge, queue
from functions.jobs.settings import USER_QUEUE
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from tools.local.ports import free_ports

Launch = Callable[..., Launched]
Somebody = Callable[..., Person]
Read = Callable[[], dict[str, Any]]


@pytest.fixture
def overview(api: Api, person: Somebody) -> Read:
    token = person(("user", "admin")).token

    def read() -> dict[str, Any]:
        answer = api.admin.get("/v1/admin/overview", token=token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    return read


def needs(overview: dict[str, Any], trouble: str) -> list[str]:
    return [each_id for each in overview["needs_attention"] if each["trouble"] == trouble for each_id in each["ids"]]


def test_instances_are_counted_as_they_change(launch: Launch, overview: Read) -> None:
    before = overview()
    instance = launch()
    created = overview()
    assert created["instances"]["pending"] == before["instances"]["pending"] + 1
    assert created["desired_instances"]["running"] == before["desired_instances"]["running"] + 1
    instance.put(status="'stopped'", desired_state="'stopped'", deadline_at="null")
    stopped = overview()
    assert stopped["instances"]["pending"] == before["instances"]["pending"]
    assert stopped["instances"]["stopped"] == before["instances"]["stopped"] + 1


def test_accounts_are_counted_by_their_state(overview: Read, person: Somebody, env: Environment) -> None:
    before = overview()["accounts"]
    somebody, _ = person(), person(verified=False)
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), somebody.id, "Spam.")
    assert overview()["accounts"] == before | {
        "suspended": before["suspended"] + 1,
        "unverified": before["unverified"] + 1,
    }


@pytest.mark.usefixtures("agent_host")
def test_runs_are_counted_while_they_are_open_and_when_they_have_ended(launch: Launch, overview: Read) -> None:
    source = "def agent(request):\n    yield {'type': 'usage', 'cost': '0.25'}\n    yield 'done'\n"
    instance = launch(source)
    converge.converge(instance.id)
    before = overview()["runs"]
    waiting = instance.ask_agent("wait").json["id"]
    during = overview()["runs"]
    assert during["open"]["queued"] == before["open"]["queued"] + 1
    assert during["oldest_waiting_seconds"] is not None
    instance.api.user.post(f"/v1/runs/{waiting}/cancel", token=instance.owner.token)
    assert instance.say("hello").json["status"] == "completed"
    after = overview()["runs"]
    assert after["open"]["queued"] == before["open"]["queued"]
    for status in ("completed", "cancelled"):
        assert after["ended_today"][status] == before["ended_today"][status] + 1
    assert float(after["spent_today"]) == pytest.approx(float(before["spent_today"]) + 0.25)


_FOLD = text("select note_count(array['test.fold'], '{1}') from generate_series(1, :number)")
_LEFT = text("select count(*) from counts_pending where counter = 'test.fold'")
_SUM = text(
    "select sum(value) from (select * from counts union all select * from counts_pending) as all_of_them"
    " where counter = 'test.fold'"
)


def test_what_is_pending_is_folded_now_and_then_and_nothing_is_lost(env: Environment) -> None:
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(_FOLD, {"number": 5000})
        # One in some hundreds folds: that none of so many does is less likely than one in a million.
        assert db.scalar(_LEFT) < 5000
        assert db.scalar(_SUM) == 5000
        db.rollback()


def test_the_counts_are_those_of_the_rows(env: Environment, launch: Launch) -> None:
    launch()
    with env.transaction("shared_psql", "migrator") as db:
        counted = figures.instances(SharedDb(db))
        rows = db.execute(text("select status, count(*) as number from instances group by status"))
        found = {row.status: row.number for row in rows}
    assert {status: number for status, number in counted.items() if number} == {
        status: number for status, number in found.items() if status != "deleted"
    }


def test_what_needs_somebody_is_told_with_its_ids(launch: Launch, overview: Read) -> None:
    stuck, failing, apart = launch(), launch(), launch()
    stuck.put(deadline_at="now() - interval '1 minute'")
    failing.put(status="'failed'", deadline_at="null", attempts=5)
    apart.put(quarantined_at="now()", quarantined_by="'usr_1'", quarantine_reason="'spam'")
    found = overview()
    assert stuck.id in needs(found, "stuck")
    assert failing.id in needs(found, "failing")
    assert apart.id in needs(found, "quarantined")
    links = {each["trouble"]: each["link"] for each in found["needs_attention"] if each["kind"] == "instance"}
    assert links["failing"] == "/v1/admin/instances?trouble=failing"


@pytest.mark.usefixtures("agent_host", "no_runner")
def test_runs_that_nobody_takes_need_somebody(launch: Launch, overview: Read, env: Environment) -> None:
    instance = launch()
    converge.converge(instance.id)
    run = instance.ask_agent("hello").json["id"]
    assert run not in needs(overview(), "runner_stopped")
    past = "now() - interval '1 minute'"
    late = text(f"update runs set due_at = {past}, status_at = {past} where id = :id")
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(late, {"id": run})
    assert run in needs(overview(), "runner_stopped")


def test_jobs_are_told_beside_the_instances_that_wait_for_one(
    api: Api, person: Somebody, launch: Launch, env: Environment
) -> None:
    token, instance = person(("user", "admin")).token, launch()
    before = api.admin.get("/v1/admin/jobs", token=token).json
    queue.converge(instance.id)
    after = api.admin.get("/v1/admin/jobs", token=token).json
    assert after["waiting"][USER_QUEUE] == before["waiting"][USER_QUEUE] + 1
    assert after["due"] >= 1
    assert after["oldest_due_seconds"] > 0
    with env.redis(database=1) as client:
        client.delete(USER_QUEUE)


def test_without_redis_the_rows_are_told_all_the_same(
    api: Api, person: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = person(("user", "admin")).token
    monkeypatch.setenv("USER_REDIS_URL", f"127.0.0.1:{free_ports(1)[0]}")
    answer = api.admin.get("/v1/admin/jobs", token=token)
    assert (answer.status_code, answer.json["waiting"], answer.json["at_work"]) == (200, None, None)
