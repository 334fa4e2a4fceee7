from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import text

from functions.domain.databases import SharedDb
from functions.domain.instances import due, quotas, reading
from functions.domain.instances.reading import Filter
from functions.domain.instances.troubles import InstanceTrouble
from functions.jobs import sweep
from shared_psql_models.statuses import Status
from testing import launches
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.plans import steps

Launch = Callable[..., Launched]


@pytest.fixture
def some(api: Api, env: Environment, person: Callable[..., Person], publish: Callable[..., str]) -> list[Launched]:
    """Three instances of one owner: running and blue, stopped and blue, of another agent and deleted."""
    owner, agent, other = person(), publish(), publish()
    found = [launches.launch(api, env, owner, each) for each in (agent, agent, other)]
    running, stopped, deleted = found
    running.put(status="'running'", deadline_at="null", labels="""'{"team": "blue", "tier": "gold"}'""")
    stopped.put(status="'stopped'", deadline_at="null", labels="""'{"team": "blue"}'""", name="'Mine'")
    deleted.put(status="'deleted'", desired_state="'deleted'", deadline_at="null")
    return found


def listed(some: list[Launched], query: str) -> list[int]:
    """Return which of them a query finds, newest first."""
    owner = some[0].owner
    answer = some[0].api.user.get(f"/v1/instances?{query}", token=owner.token)
    assert answer.status_code == 200, answer.text
    places = [each.id for each in some]
    return [places.index(item["id"]) for item in answer.json["items"]]


def test_what_is_deleted_is_only_there_when_it_is_asked_for(some: list[Launched]) -> None:
    assert listed(some, "") == [1, 0]
    assert listed(some, "status=deleted") == [2]


def test_of_several_statuses_each_fits(some: list[Launched]) -> None:
    assert listed(some, "status=running,stopped") == [1, 0]
    assert listed(some, "status=stopped,failed,deleted") == [2, 1]


def test_labels_all_have_to_fit(some: list[Launched]) -> None:
    assert listed(some, "label=team=blue") == [1, 0]
    assert listed(some, "label=team=blue,tier=gold") == [0]
    assert listed(some, "label=team=") == []
    assert listed(some, "label=blue=team") == []


def test_an_agent_and_a_name_narrow_it_down(some: list[Launched]) -> None:
    agent, other = (each.read()["agent"] for each in some[1:])
    assert listed(some, f"agent={agent}&name=Mine") == [1]
    assert listed(some, f"agent={agent}&limit=1") == [1]
    assert listed(some, f"agent={other}") == []
    assert listed(some, f"agent={other}&status=deleted") == [2]
    assert listed(some, "name=mine") == []


def test_pages_skip_and_repeat_nothing_while_instances_come_and_go(
    api: Api, env: Environment, person: Callable[..., Person], publish: Callable[..., str]
) -> None:
    owner, agent = person(), publish()
    first, second, third, fourth = [launches.launch(api, env, owner, agent) for _ in range(4)]
    page = api.user.get("/v1/instances?limit=2", token=owner.token).json
    launches.launch(api, env, owner, agent)
    third.put(status="'deleted'", desired_state="'deleted'", deadline_at="null")
    rest = api.user.get(f"/v1/instances?limit=2&cursor={page['next_cursor']}", token=owner.token).json
    read = [item["id"] for item in page["items"] + rest["items"]]
    assert read == [fourth.id, third.id, second.id, first.id]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=running,asleep", "?status.1"),
        ("status=", "?status.0"),
        ("label=team", "?label"),
        ("label=team=a%20b", "?label"),
        ("agent=NO", "?agent"),
    ],
)
def test_a_filter_that_is_none_is_named(some: list[Launched], query: str, parameter: str) -> None:
    answer = some[0].api.user.get(f"/v1/instances?{query}", token=some[0].owner.token)
    assert (answer.status_code, [each["pointer"] for each in answer.json["errors"]]) == (422, [parameter])


def test_the_cursor_of_another_list_is_none_of_this(some: list[Launched], api: Api, env: Environment) -> None:
    token = some[0].owner.token
    cursor = api.user.get("/v1/instances?limit=1", token=token).json["next_cursor"]
    elsewhere = api.user.get(f"{some[0].path}/events?cursor={cursor}", token=token)
    assert (elsewhere.status_code, elsewhere.json["errors"][0]["code"]) == (422, "bad_cursor")


MANY = 100_000


def test_what_is_asked_of_instances_is_found_by_an_index_however_many_there_are(
    launch: Launch, env: Environment
) -> None:
    instance, other = launch(), launch()
    wanted = {
        "an owner's": Filter("usr_many"),
        "of some statuses": Filter("usr_many", [Status.RUNNING, Status.FAILED]),
        "with a label": Filter("usr_many", labels={"team": "blue"}),
        "everybody's that failed": Filter(statuses=[Status.FAILED]),
        "everybody's with a label": Filter(labels={"number": "77"}),
        "everybody's called so": Filter(name="Many 77"),
        "everybody's of an agent": Filter(agent=other.read()["agent"]),
        "everybody's of a version": Filter(version_id=other.row()["version_id"]),
        **{f"everybody's {each}": Filter(trouble=each) for each in InstanceTrouble},
    }
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(_MANY, {"id": instance.id, "most": MANY})
        db.execute(_STOPPED_AND_SPENT)
        # Of which the platform has nothing: without any such version no instance has to be looked for.
        db.execute(_AN_IMAGE, {"id": other.row()["version_id"]})
        db.exec_driver_sql("analyze instances")
        asked: dict[str, list[str]] = {}
        for name, each in wanted.items():
            asked[name] = steps(db, "instances", partial(reading.search, SharedDb(db), each, after=None, limit=21))
        asked["how many"] = steps(db, "instances", partial(quotas.of_account, SharedDb(db), "usr_many"))
        asked["what is due"] = steps(db, "instances", partial(due.offer, SharedDb(db), sweep.BATCH))
        db.rollback()
    assert {name for name, plan in asked.items() if "Seq Scan instances" in plan} == set()
    assert {name for name, plan in asked.items() if not any("Scan instances" in step for step in plan)} == set()
    # Not all of them one after another, in the order of the index.
    assert "Index Scan instances (due_at <= now())" in asked["what is due"]
    assert f"Index Scan instances (agent_id = '{other.row()['agent_id']}'::text)" in asked["everybody's of an agent"]


_MANY = text(
    """
    insert into instances (id, owner_id, agent_id, version_id, name, config, desired_state, status, reason, message,
                           labels, due_at, deadline_at, attempts, quarantined_at, quarantined_by, quarantine_reason)
    select 'ins_' || lpad(to_hex(number), 32, '0'),
      case when mod(number, 5000) = 0 then 'usr_many' else 'usr_' || mod(number, 500) end, agent_id, version_id,
      'Many ' || number, config, 'running', case when mod(number, 20000) = 0 then 'failed' else 'running' end, reason,
      message,
      jsonb_build_object('team', case mod(number, 2) when 0 then 'blue' else 'red' end, 'number', number::text),
      now() + case mod(number, 20000) when 1 then interval '-1 hour' else interval '1 hour' end,
      case mod(number, 20000) when 2 then now() - interval '1 hour' end,
      case mod(number, 20000) when 3 then 1 else 0 end,
      case mod(number, 20000) when 4 then now() end, case mod(number, 20000) when 4 then 'usr' end,
      case mod(number, 20000) when 4 then 'spam' end
    from instances, generate_series(1, :most) as number where id = :id
    """
)

_AN_IMAGE = text("update agent_versions set image = 'registry.example/a@sha256:1', bundle_sha256 = null where id = :id")

_STOPPED_AND_SPENT = text(
    """
    with stopped as (
      insert into kill_switches (id, scope, target, reason, engaged_by)
      values ('kil_1', 'owner', 'usr_1', 'spam', 'usr_2')
    )
    insert into budgets (id, owner_id, set_by, period, runs, begins)
    values ('bud_1', 'usr_3', 'owner', 'day', 0, (now() at time zone 'utc')::date)
    """
)
