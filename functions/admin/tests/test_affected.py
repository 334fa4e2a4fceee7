"""Whom a change of a version concerns."""

from collections.abc import Callable

from functions.domain.catalog.tests.making import publish
from testing import launches, trail
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response


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


def test_what_a_move_would_do_is_told_and_nothing_moves(
    api: Api, env: Environment, launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    one, admin = launch(), person(("user", "admin"))
    token, slug = admin.token, one.read()["agent"]
    publish(env, slug, "1.1.0", move=[])
    path = f"/v1/admin/agents/{slug}/channels/stable"
    headers = {"If-Match": api.admin.get(path, token=token).headers["ETag"]}
    body = {"version": "1.0.0", "candidate": {"version": "1.1.0", "percent": 10}}
    told = api.admin.put(f"{path}?validate_only=true", json=body, token=token, headers=headers)
    assert told.status_code == 200
    shares = [(each["version"], each["percent_before"], each["percent_after"]) for each in told.json["shares"]]
    assert shares == [("1.0.0", 100, 90), ("1.1.0", 0, 10)]
    assert [each["affected"]["instances"] for each in told.json["shares"]] == [1, 0]
    assert api.admin.get(path, token=token).json["candidate"] is None
    wrong = api.admin.put(f"{path}?validate_only=true", json={"version": "9.0.0"}, token=token, headers=headers)
    assert wrong.code == "channel_move_invalid"
    assert trail.entries(env, "shared_psql", action="move_channel", actor=admin.id) == []


def test_whom_a_yank_would_concern_is_told_and_nothing_is_yanked(
    api: Api, env: Environment, launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    one, token = launch(), person(("user", "admin")).token
    slug = one.read()["agent"]
    path = f"/v1/admin/agents/{slug}/versions/1.0.0"
    etag = api.admin.get(path, token=token).headers["ETag"]

    def ask(status: str) -> Response:
        body = {"status": status, "reason": "It loses answers."}
        return api.admin.patch(f"{path}?validate_only=true", json=body, token=token, headers={"If-Match": etag})

    assert ask("yanked").code == "version_in_channel"
    told = ask("deprecated")
    assert (told.status_code, told.json["instances"], told.json["channels"]) == (200, 1, ["stable"])
    assert api.admin.get(path, token=token).json["status"] == "published"
