"""Whom a change of a version concerns."""

from collections.abc import Callable

from testing import launches
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person


def test_instances_owners_and_channels_of_a_version_are_told(
    api: Api, env: Environment, launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    one = launch()
    agent = one.read()["agent"]
    again, other = launches.launch(api, env, one.owner, agent), launches.launch(api, env, person(), agent)
    again.put(desired_state="'stopped'")
    other.put(status="'deleted'", desired_state="'deleted'", deadline_at="null")
    path = f"/v1/admin/agents/{agent}/versions/1.0.0/affected"
    answer = api.admin.get(path, token=person(("user", "admin")).token)
    assert answer.json == {
        "version_id": one.row()["version_id"],
        "instances": 2,
        "running": 1,
        "owners": 1,
        "channels": ["stable"],
    }


def test_of_a_version_that_is_not_there_nothing_is_told(api: Api, person: Callable[..., Person]) -> None:
    token = person(("user", "admin")).token
    assert api.admin.get("/v1/admin/agents/no-such/versions/1.0.0/affected", token=token).code == "agent_not_found"
