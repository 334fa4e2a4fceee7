"""Instances by what is the matter with them."""

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import text

from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person

Launch = Callable[..., Launched]
Ids = Callable[..., set[str]]
PAST = "now() - interval '2 minutes'"


@pytest.fixture
def found(api: Api, person: Callable[..., Person]) -> Ids:
    """`found(trouble="stuck", …)` are the ids of what an administrator finds."""
    token = person(("user", "admin")).token

    def found(**query: str) -> set[str]:
        wanted = "&".join(f"{name}={value}" for name, value in query.items())
        answer = api.admin.get(f"/v1/admin/instances?limit=100&{wanted}", token=token)
        return {each["id"] for each in answer.json["items"]}

    return found


ROWS: Mapping[str, Mapping[str, object]] = {
    "stuck": {"status": "'stopping'", "deadline_at": PAST},
    "overdue": {"due_at": PAST},
    "failing": {"status": "'failed'", "attempts": 5},
    "quarantined": {"quarantined_at": "now()", "quarantined_by": "'usr_1'", "quarantine_reason": "'spam'"},
}


@pytest.mark.parametrize("trouble", ROWS)
def test_an_instance_is_found_by_what_its_row_says(launch: Launch, found: Ids, trouble: str) -> None:
    ill, well = launch(), launch()
    ill.put(**ROWS[trouble])
    assert ill.id in found(trouble=trouble)
    assert well.id not in found(trouble=trouble)
    assert found(trouble=trouble, owner_id=ill.owner.id) == {ill.id}
    assert found(trouble=trouble, owner_id=well.owner.id) == set()


def test_what_is_deleted_is_the_matter_with_nobody(launch: Launch, found: Ids) -> None:
    instance = launch()
    instance.put(status="'deleted'", due_at=PAST, deadline_at="null")
    assert instance.id not in found(trouble="overdue")


def test_instances_are_found_by_their_version(launch: Launch, found: Ids) -> None:
    one, other = launch(), launch()
    assert found(version_id=one.row()["version_id"]) == {one.id}
    assert found(version_id=one.row()["version_id"], owner_id=other.owner.id) == set()


def test_an_instance_of_an_image_that_is_not_deployed_is_orphaned(
    launch: Launch, publish: Callable[..., str], person: Callable[..., Person], env: Environment, found: Ids
) -> None:
    instance, well = launch(), launch()
    with env.transaction("shared_psql", "migrator") as db:
        of_image = text("update agent_versions set image = 'an/image', bundle_sha256 = null where id = :id")
        db.execute(of_image, {"id": instance.row()["version_id"]})
    assert instance.id not in found(trouble="orphaned")
    for each in (instance, well):
        each.put(status="'running'", deadline_at="null")
    assert instance.id in found(trouble="orphaned")
    assert well.id not in found(trouble="orphaned")
    with env.transaction("shared_psql", "migrator") as db:
        deployed = text("insert into version_deployments (version_id, deployed_at) values (:id, now())")
        db.execute(deployed, {"id": instance.row()["version_id"]})
    assert instance.id not in found(trouble="orphaned")


ASKS = "def agent(request):\n    yield {'type': 'input', 'text': 'How many?', 'schema': {'type': 'integer'}}\n"


@pytest.mark.usefixtures("agent_host")
def test_an_instance_whose_agent_has_asked_for_something_awaits_input(launch: Launch, found: Ids) -> None:
    instance = launch(ASKS)
    converge.converge(instance.id)
    assert instance.id not in found(trouble="awaiting_input")
    assert instance.say("hello").json["status"] == "input_required"
    assert instance.id in found(trouble="awaiting_input")


@pytest.mark.parametrize("whole_account", [False, True])
def test_an_instance_whose_budget_has_no_room_is_over_it(
    launch: Launch, env: Environment, found: Ids, whole_account: bool
) -> None:
    instance, token = launch(), ""
    token = instance.owner.token
    path = "/v1/me/budget" if whole_account else f"{instance.path}/budget"
    terms = {"period": "day", "runs": 1}
    set_to = instance.api.user.put(path, json=terms, token=token, headers={"If-Match": '"0"'})
    assert set_to.status_code == 200, set_to.text
    assert instance.id not in found(trouble="over_budget")
    spent = text("update budgets set spent_runs = 1 where owner_id = :owner")
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(spent, {"owner": instance.owner.id})
    assert instance.id in found(trouble="over_budget")
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("update budgets set begins = begins - 1 where owner_id = :owner"), {"owner": instance.owner.id})
    assert instance.id not in found(trouble="over_budget")


@pytest.mark.usefixtures("nothing_stopped")
@pytest.mark.parametrize("scope", ["owner", "version", "everything"])
def test_what_a_kill_switch_concerns_is_stopped_by_an_operator(
    launch: Launch, api: Api, person: Callable[..., Person], found: Ids, scope: str
) -> None:
    concerned, other = launch(), launch()
    assert concerned.id not in found(trouble="stopped_by_operator")
    target = {"owner": {"owner_id": concerned.owner.id}, "version": {"version_id": concerned.row()["version_id"]}}
    wanted = {"scope": scope, "reason": "A test."} | target.get(scope, {})
    engaged = api.admin.post("/v1/admin/kill-switches", json=wanted, token=person(("user", "admin")).token)
    assert engaged.status_code == 201
    assert concerned.id in found(trouble="stopped_by_operator")
    assert (other.id in found(trouble="stopped_by_operator")) == (scope == "everything")
