from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.catalog.tests.making import an_agent, publish
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]
Engage = Callable[..., Response]
PATH = "/v1/admin/kill-switches"
WHY = "There is an incident."


OVER = {"reason": "It is over."}


@pytest.fixture
def administrator(person: Callable[..., Person]) -> Person:
    return person(("user", "admin"))


@pytest.fixture
def engage(api: Api, administrator: Person, nothing_stopped: None) -> Engage:
    """`engage(scope, …)` engages a switch, which is released after the test."""
    return lambda scope, **target: api.admin.post(
        PATH, json={"scope": scope, "reason": WHY} | target, token=administrator.token
    )


def of(instance: Launched) -> dict[str, Any]:
    return {"version_id": instance.row()["version_id"]}


def release(api: Api, administrator: Person, switch: Response) -> Response:
    return api.admin.post(f"{PATH}/{switch.json['id']}/release", json=OVER, token=administrator.token)


def deliver(api: Api, env: Environment, subject: str, kind: str = "engaged") -> list[dict[str, Any]]:
    """Deliver what was said of a switch to who stops instances, as often as there is more; return what that said."""
    query = text("select id, type, data from outbox where subject = :subject and type like :type order by seq")
    done: list[dict[str, Any]] = []
    while True:
        with env.transaction("shared_psql", "relay") as db:
            like = "%.kill_switch.applied.v1" if done or kind == "applied" else f"%.kill_switch.{kind}.v1"
            rows = [dict(row) for row in db.execute(query, {"subject": subject, "type": like}).mappings()]
        if len(rows) <= max(0, len(done) - 1):
            return [each["data"] for each in rows]
        event = rows[-1]
        envelope = {
            "specversion": "1.0",
            "id": event["id"],
            "source": "/botberi/shared_psql",
            "type": event["type"],
            "subject": subject,
            "time": "2026-01-01T00:00:00Z",
            "actor": "usr_operator",
            "data": event["data"],
        }
        assert api.deliver("apply_kill_switch", envelope).status_code == 200
        done.append(event)
        if done[-1]["data"].get("finished"):
            return [each["data"] for each in rows]


def refused(answer: Response) -> bool:
    told = f"Whoever runs this service has stopped this: {WHY}"
    return answer.status_code == 409 and (answer.code, answer.json["detail"]) == ("stopped_by_operator", told)


def running(instance: Launched) -> Launched:
    instance.put(status="'running'", deadline_at="null", observed_generation="1")
    return instance


@pytest.mark.parametrize("scope", ["everything", "owner", "version"])
def test_what_a_switch_concerns_takes_no_messages_and_is_not_started(
    api: Api, launch: Launch, engage: Engage, administrator: Person, scope: str
) -> None:
    instance, other = running(launch()), running(launch())
    target = {"everything": {}, "owner": {"owner_id": instance.owner.id}, "version": of(instance)}[scope]
    switch = engage(scope, **target)
    assert (switch.status_code, switch.json["engaged_by"], switch.json["released_at"]) == (201, administrator.id, None)
    assert refused(instance.say("hello"))
    assert refused(instance.ask("start"))
    assert refused(instance.ask("restart"))
    assert refused(other.say("hello")) == (scope == "everything")
    assert release(api, administrator, switch).json["released_by"] == administrator.id
    assert not refused(instance.say("hello"))
    assert instance.ask("start").status_code == 202


def test_nothing_is_launched_of_it(api: Api, env: Environment, engage: Engage, person: Callable[..., Person]) -> None:
    agent, caller = an_agent(env, "1.0.0"), person()

    def create(query: str = "") -> Response:
        return api.user.post(f"/v1/instances{query}", json={"agent": agent, "name": "x"}, token=caller.token)

    assert create().status_code == 201
    engage("owner", owner_id=caller.id)
    assert refused(create())
    assert refused(create("?validate_only=true"))


def test_what_runs_of_it_is_asked_to_stop_with_its_history_and_events(
    api: Api, env: Environment, launch: Launch, engage: Engage
) -> None:
    instance, other = running(launch()), running(launch())
    switch = engage("version", **of(instance)).json["id"]
    said = deliver(api, env, switch)
    assert [(each["stopped"], each["finished"]) for each in said] == [(1, True)]
    shown = instance.read()
    assert (shown["desired_state"], shown["reason"]) == ("stopped", "stopped_by_operator")
    assert shown["message"] == f"It is being stopped by whoever runs this service. {WHY}"
    assert shown["deadline_at"] is not None
    last = instance.history()[-1]
    assert [last[name] for name in ("kind", "previous", "value", "reason", "actor")] == [
        *("desired_state", "running", "stopped", "stopped_by_operator", "usr_operator")
    ]
    with env.transaction("shared_psql", "relay") as db:
        query = text("select id, seq, data from outbox where subject = :id order by seq desc limit 1")
        event = db.execute(query, {"id": instance.id}).one()
    assert (event.id, int(last["sequence"]), event.data["desired_state"]) == (last["id"], event.seq, "stopped")
    assert event.data["owner_id"] == instance.owner.id
    assert other.read()["desired_state"] == "running"


def test_what_serves_the_version_while_it_is_being_changed_is_concerned_too(
    api: Api, env: Environment, launch: Launch, engage: Engage
) -> None:
    instance, other = running(launch()), launch()
    before = of(instance)
    with env.transaction("shared_psql", "migrator") as db:
        query = (
            "insert into instance_specs select id, 2, %s, config, secret_places, limits from instances where id = %s"
        )
        db.exec_driver_sql(query, (of(other)["version_id"], instance.id))
    instance.put(version_id=f"'{of(other)['version_id']}'", generation="2")
    switch = engage("version", **before).json["id"]
    assert refused(instance.say("hello"))
    deliver(api, env, switch)
    assert instance.read()["desired_state"] == "stopped"
    assert instance.ask("start").status_code == 202


def test_a_switch_that_was_released_before_it_was_applied_stops_nothing(
    api: Api, env: Environment, launch: Launch, engage: Engage, administrator: Person
) -> None:
    instance = running(launch())
    switch = engage("version", **of(instance))
    release(api, administrator, switch)
    assert deliver(api, env, switch.json["id"]) == []
    assert instance.read()["desired_state"] == "running"


def test_nothing_is_changed_to_a_version_that_is_not_to_run(
    api: Api, env: Environment, engage: Engage, person: Callable[..., Person]
) -> None:
    slug, owner = an_agent(env, "1.0.0"), person()
    made = api.user.post("/v1/instances", json={"agent": slug, "name": "x"}, token=owner.token)
    instance = Launched(made.json["id"], owner, api, env)
    engage("version", version_id=publish(env, slug, "2.0.0"))

    def change(**fields: str) -> Response:
        return api.user.patch(instance.path, json=fields, token=owner.token, headers={"If-Match": "*"})

    assert refused(change(version="2.0.0"))
    assert change(name="Another").json["version"] == "1.0.0"


def test_there_is_one_switch_of_a_kind_and_it_is_listed(
    api: Api, launch: Launch, engage: Engage, administrator: Person
) -> None:
    instance = launch()
    first, other = engage("version", **of(instance)), engage("owner", owner_id=instance.owner.id)
    again = engage("version", **of(instance))
    assert (again.status_code, again.code) == (409, "kill_switch_engaged_already")
    release(api, administrator, other)
    once, twice = (release(api, administrator, other).json for _ in range(2))
    assert once == twice

    def listed(query: str) -> list[str]:
        items = api.admin.get(PATH + query, token=administrator.token).json["items"]
        return [item["id"] for item in items if item["id"] in {first.json["id"], other.json["id"]}]

    assert listed("?engaged=true") == [first.json["id"]]
    assert listed("?engaged=false") == [other.json["id"]]
    assert listed("") == [other.json["id"], first.json["id"]]
    assert engage("owner", owner_id=instance.owner.id).status_code == 201
    nothing = api.admin.post(f"{PATH}/{new_id('kil')}/release", json=OVER, token=administrator.token)
    assert nothing.code == "kill_switch_not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "owner"},
        {"scope": "everything", "owner_id": new_id("usr")},
        {"scope": "version", "owner_id": new_id("usr")},
        {"scope": "owner", "owner_id": new_id("usr"), "version_id": new_id("ver")},
        {"scope": "suspension", "owner_id": new_id("usr")},
        {"scope": "everything", "reason": " "},
    ],
)
def test_a_switch_names_just_what_it_concerns(api: Api, administrator: Person, body: dict[str, Any]) -> None:
    answer = api.admin.post(PATH, json={"reason": WHY} | body, token=administrator.token)
    assert (answer.status_code, answer.code) == (422, "invalid")
