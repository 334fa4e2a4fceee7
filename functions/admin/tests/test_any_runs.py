"""Everybody's runs, as administrators see and end them."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import text

from functions.domain.databases import SharedDb
from functions.domain.runs import administration
from functions.domain.runs.administration import Filter, RunTrouble
from functions.jobs import converge
from shared_psql_models.runs import RunStatus
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.plans import steps
from testing.responses import Response

Launch = Callable[..., Launched]
WORDS = "my-secret-diary"
ASKS = "def agent(request):\n    yield {'type': 'input', 'text': 'my-secret-diary', 'schema': {'type': 'integer'}}\n"

pytestmark = pytest.mark.usefixtures("agent_host")


@pytest.fixture
def administrator(person: Callable[..., Person]) -> Person:
    return person(("user", "admin"))


def started(instance: Launched) -> Launched:
    converge.converge(instance.id)
    return instance


def found(api: Api, administrator: Person, **query: str) -> list[str]:
    wanted = "&".join(f"{name}={value}" for name, value in query.items())
    answer = api.admin.get(f"/v1/admin/runs?limit=100&{wanted}", token=administrator.token)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json["items"]]


def put(env: Environment, run_id: str, columns: str) -> None:
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text(f"update runs set {columns} where id = :id"), {"id": run_id})


def cancel(api: Api, administrator: Person, run_id: str) -> Response:
    body = {"reason": "It repeats itself."}
    return api.admin.post(f"/v1/admin/runs/{run_id}/cancel", json=body, token=administrator.token)


def test_runs_are_found_by_whose_they_are_and_how_they_ended(api: Api, administrator: Person, launch: Launch) -> None:
    instance, other = started(launch()), started(launch())
    answered, waiting = instance.say("one").json["id"], instance.ask_agent("two").json["id"]
    elsewhere = other.say("three").json["id"]
    assert found(api, administrator, owner_id=instance.owner.id) == [waiting, answered]
    assert found(api, administrator, instance_id=other.id) == [elsewhere]
    assert found(api, administrator, instance_id=instance.id, status="completed") == [answered]
    assert found(api, administrator, version_id=instance.row()["version_id"]) == [answered]


def test_a_run_is_found_by_what_is_the_matter_with_it(
    api: Api, administrator: Person, launch: Launch, env: Environment
) -> None:
    instance = started(launch())
    run = instance.ask_agent("hello").json["id"]
    mine = {"instance_id": instance.id}
    assert [found(api, administrator, trouble=each, **mine) for each in ("stuck", "overdue")] == [[], []]
    put(env, run, "deadline_at = now() - interval '1 second'")
    assert found(api, administrator, trouble="overdue", **mine) == [run]
    put(env, run, "lease_owner = 'gone', lease_expires_at = now() - interval '1 second'")
    assert found(api, administrator, trouble="stuck", **mine) == [run]


def test_a_run_that_waits_for_an_answer_is_found(api: Api, administrator: Person, launch: Launch) -> None:
    run = started(launch(ASKS)).say("hello").json["id"]
    assert run in found(api, administrator, trouble="awaiting_input")


def test_nothing_that_was_said_is_shown(api: Api, administrator: Person, launch: Launch) -> None:
    instance = started(launch(ASKS))
    run = instance.say(WORDS).json["id"]
    answer = api.admin.get(f"/v1/admin/runs/{run}", token=administrator.token)
    assert (answer.json["status"], answer.json["owner_id"]) == ("input_required", instance.owner.id)
    assert WORDS not in answer.text
    assert WORDS not in api.admin.get(f"/v1/admin/runs?instance_id={instance.id}", token=administrator.token).text


def test_a_run_that_waits_is_cancelled_at_once_and_its_owner_reads_why(
    api: Api, administrator: Person, launch: Launch
) -> None:
    instance = started(launch())
    run = instance.ask_agent("hello").json["id"]
    answer = cancel(api, administrator, run)
    assert (answer.status_code, answer.json["status"]) == (202, "cancelled")
    seen = api.user.get(f"/v1/runs/{run}", token=instance.owner.token).json
    assert seen["reason"] == "cancelled_by_administrator"
    assert seen["explanation"] == "It was cancelled by an administrator. It repeats itself."
    assert cancel(api, administrator, run).code == "run_ended"


def test_a_run_at_work_is_left_to_its_runner_to_end(
    api: Api, administrator: Person, launch: Launch, env: Environment
) -> None:
    run = started(launch()).ask_agent("hello").json["id"]
    put(env, run, "lease_owner = 'runner', lease_expires_at = now() + interval '1 minute'")
    answer = cancel(api, administrator, run).json
    assert (answer["status"], answer["cancel_reason"]) == ("queued", "cancelled_by_administrator")
    assert (answer["cancelled_by"], answer["runner"]) == (administrator.id, "runner")


def test_a_run_that_is_not_there_is_a_404(api: Api, administrator: Person) -> None:
    none = "run_" + "0" * 32
    assert cancel(api, administrator, none).code == "run_not_found"
    assert api.admin.get(f"/v1/admin/runs/{none}", token=administrator.token).code == "run_not_found"


_MANY = text(
    """
    insert into runs (id, conversation_id, position, instance_id, owner_id, version_id, message_id, message, status,
                      reason, explanation, seconds, deadline_at, ended_at, lease_owner, lease_expires_at)
    select 'run_' || lpad(to_hex(number), 32, '0'), conversation_id, 100 + number,
      instance_id, case when mod(number, 1000) = 0 then owner_id else 'usr_' || mod(number, 200) end,
      case when mod(number, 1000) = 0 then runs.version_id end, message_id, message,
      made.status, reason, explanation, seconds,
      case when made.status in ('queued', 'running', 'input_required') then now() + interval '1 hour' end,
      case when made.status not in ('queued', 'running', 'input_required') then now() end,
      case when made.status = 'running' then 'runner' end, case when made.status = 'running' then now() end
    from runs, generate_series(1, :most) as number
    cross join lateral (select coalesce(
      (array['queued', 'running', 'input_required', 'failed', 'cancelled'])[mod(number, 2000)], 'completed') as status
    ) as made
    where id = :id
    """
)


def test_what_is_asked_of_runs_is_found_by_an_index_however_many_there_are(launch: Launch, env: Environment) -> None:
    instance = started(launch())
    run = instance.say("hello").json["id"]
    wanted = {
        "an owner's": Filter(owner_id=instance.owner.id),
        "a version's": Filter(version_id=instance.row()["version_id"]),
        **{each.value: Filter(status=each) for each in RunStatus},
        **{each.value: Filter(trouble=each) for each in RunTrouble},
    }
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(_MANY, {"id": run, "most": 20_000})
        db.exec_driver_sql("analyze runs")
        search = partial(administration.search, SharedDb(db), before=None, limit=21)
        asked = {name: steps(db, "runs", partial(search, each)) for name, each in wanted.items()}
        db.rollback()
    assert {name for name, plan in asked.items() if any("Seq Scan runs" in step for step in plan)} == set()
    assert {name for name, plan in asked.items() if not any("Scan runs" in step for step in plan)} == set()
