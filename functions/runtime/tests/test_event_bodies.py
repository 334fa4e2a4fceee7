import json
from typing import Any

import pytest
from sqlalchemy import text

from events.catalog.accounts import AccountRegistered
from events.outbox import emit
from functions.runtime.tests.planting import Client, Plant
from functions.runtime.tests.test_subscriber import deliver, event
from testing.environment import Environment

COUNT = """
    @subscriber
    def count_characters(event: AccountRegistered, db: SharedDb) -> None:
        counted = f"counted-{len(event.account_id)}-{event.account_id[0]}"
        emit(db, SharedPruningFallenDue(schedule=counted, slot="2026-01-02T03:04:05Z"))
"""


@pytest.fixture
def count(plant: Plant) -> Client:
    return plant("subscribers", count_characters=COUNT)


def referred(place: str) -> dict[str, Any]:
    return event(data=None, dataref=place)


def counted(env: Environment, subject: str) -> int:
    with env.transaction("shared_psql", "relay") as db:
        return int(db.scalar(text("select count(*) from outbox where subject = :it"), {"it": subject}) or 0)


def test_data_that_travels_apart_is_fetched_from_where_it_is(count: Client, env: Environment) -> None:
    with env.transaction("user_psql", "user") as db:
        event_id = emit(db, AccountRegistered(account_id="x" * 70_123))
    given = referred(f"/botberi/user_psql/bodies/{event_id}") | {"id": event_id}
    assert deliver(count, given).status_code == 200
    assert counted(env, "counted-70123-x") == 1


def test_of_two_bodies_with_one_id_each_belongs_to_its_source(count: Client, env: Environment) -> None:
    keep = text("insert into outbox_bodies (source, id, data) values (:source, 'order 1', cast(:data as jsonb))")
    for source, letter in (("/botberi/user_psql", "a"), ("/example/crm", "b")):
        with env.transaction("user_psql", "migrator") as db:
            db.execute(keep, {"source": source, "data": json.dumps({"account_id": letter * 70_001})})
    assert deliver(count, referred("/botberi/user_psql/bodies/order%201") | {"id": "order 1"}).status_code == 200
    assert (counted(env, "counted-70001-a"), counted(env, "counted-70001-b")) == (1, 0)


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize("place", ["/botberi/shared_psql/bodies/evt_gone", "https://example.com/evt_1"])
def test_data_that_is_nowhere_is_poison(count: Client, place: str) -> None:
    answer = deliver(count, referred(place))
    assert (answer.status_code, answer.json["code"]) == (422, "event_body_missing")
