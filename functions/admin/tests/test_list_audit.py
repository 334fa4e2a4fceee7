"""Reading the audit trail."""

from collections.abc import Callable
from typing import Any

import pytest

from core.ids import new_id
from events.wire import CloudEvent
from functions.domain.audit import events
from functions.domain.databases import SharedDb
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


def happened(env: Environment, *, subject: str, actor: str, kind: str = "com.botberi.agent.changed.v1") -> str:
    event = CloudEvent(
        id=new_id("evt"),
        source="/botberi/shared_psql",
        type=kind,
        subject=subject,
        time="2026-01-01T00:00:00Z",
        data={"slug": "x"},
        extensions=(("actor", actor),),
    )
    with env.transaction("shared_psql", "subscribers") as db:
        events.record(SharedDb(db), event)
    return event.id


def seen(api: Api, token: str, query: str) -> list[Any]:
    return [
        item["details"]["event_id"] for item in api.admin.get(f"/v1/admin/audit?{query}", token=token).json["items"]
    ]


def test_filters_narrow_it_down_and_the_newest_comes_first(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    admin = person(scopes=("user", "admin"))
    one, other = new_id("agt"), new_id("agt")
    first = happened(env, subject=one, actor=admin.id)
    second = happened(env, subject=one, actor="system", kind="com.botberi.agent.created.v1")
    third = happened(env, subject=other, actor=admin.id)
    assert seen(api, admin.token, f"target={one}") == [second, first]
    assert seen(api, admin.token, f"actor={admin.id}&action=com.botberi.agent.changed.v1") == [third, first]
    assert seen(api, admin.token, f"target={one}&action=com.botberi.agent.created.v1") == [second]
    assert seen(api, admin.token, f"target={one}&actor={other}") == []


def test_what_an_account_did_includes_what_its_api_keys_did(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    admin = person(scopes=("user", "admin"))
    agent, key = new_id("agt"), new_id("key")
    # One more, which a pattern of LIKE would fit.
    actors = (admin.id, f"{admin.id}/{key}", f"{admin.id}0/{key}", f"{admin.id.replace('_', 'x')}/{key}")
    by_itself, by_key, *_ = (happened(env, subject=agent, actor=actor) for actor in actors)
    assert seen(api, admin.token, f"actor={admin.id}&origin=event") == [by_key, by_itself]
    assert seen(api, admin.token, f"actor={admin.id}/{key}") == [by_key]


@pytest.mark.parametrize(
    "query", ["target=", "target=%00", "actor=a%20b", "from=yesterday", "from=2026-01-01T00:00:00", "origin=x"]
)
def test_a_filter_that_makes_no_sense_is_refused(api: Api, person: Callable[..., Person], query: str) -> None:
    token = person(scopes=("user", "admin")).token
    assert api.admin.get(f"/v1/admin/audit?{query}", token=token).status_code == 422
