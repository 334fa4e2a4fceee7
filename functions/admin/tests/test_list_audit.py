"""Reading the audit trail."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from events.wire import CloudEvent
from functions.domain.audit import events, listing
from functions.domain.audit.listing import Filter
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
        events.record(SharedDb(db), [event])
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


ENTRIES = 20_000

_FILL = """
select count(append_audit_entry(
  'request', 'usr_plan' || mod(n, 50), 'plan_' || mod(n, 40), array['ins_plan' || mod(n, 20)],
  case when mod(n, 200) = 0 then 'refused' else 'succeeded' end, '{}'
)) from generate_series(1, :count) as n
"""

FILTERS = [
    Filter(),
    Filter(actor="usr_plan7"),
    Filter(actor="usr_plan7/key_1"),
    Filter(target="ins_plan7"),
    Filter(actor="usr_plan7", target="ins_plan7"),
    Filter(action="plan_7"),
    Filter(origin="command"),
    Filter(origin="request"),
    Filter(outcome="refused"),
    Filter(outcome="succeeded"),
    Filter(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2126, 1, 1, tzinfo=UTC)),
]


@pytest.fixture(scope="module")
def many(env: Environment) -> None:
    with env.transaction("user_psql", "admin") as db:
        db.execute(text("set local statement_timeout = 0"))
        db.execute(text(_FILL), {"count": ENTRIES})
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("analyze audit_entries, audit_parties"))


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_however_many_entries_there_are_a_page_is_read_from_an_index(
    env: Environment, many: None, wanted: Filter
) -> None:
    statement, values = listing.asked(wanted, before="aud_f", limit=21)
    with env.transaction("user_psql", "admin") as db:
        plan = "\n".join(db.scalars(text(f"explain {statement.text}"), values))
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
