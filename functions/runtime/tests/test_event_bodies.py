from typing import Any

import pytest

from events.catalog.accounts import AccountRegistered
from events.outbox import emit
from functions.local.testing.world import World
from functions.runtime.tests.planting import Client, Plant
from functions.runtime.tests.test_subscriber import deliver, event

COUNT = """
    @subscriber
    def count_characters(event: AccountRegistered, db: SharedDb) -> None:
        emit(db, AccountRegistered(account_id=f"counted-{len(event.account_id)}"))
"""


@pytest.fixture
def count(plant: Plant) -> Client:
    return plant("subscribers", count_characters=COUNT)


def referred(place: str) -> dict[str, Any]:
    return event(data=None, dataref=place)


def test_data_that_travels_apart_is_fetched_from_where_it_is(count: Client, world: World) -> None:
    with world.transaction("shared_psql", "admin") as db:
        event_id = emit(db, AccountRegistered(account_id="x" * 70_123))
    assert deliver(count, referred(f"/botberi/shared_psql/bodies/{event_id}")).status_code == 200
    with world.transaction("shared_psql", "relay") as db:
        heard = db.exec_driver_sql("select count(*) from outbox where subject = 'counted-70123'").scalar()
    assert heard == 1


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("place", ["/botberi/shared_psql/bodies/evt_gone", "https://example.com/evt_1"])
def test_data_that_is_nowhere_is_poison(count: Client, place: str) -> None:
    answer = deliver(count, referred(place))
    assert (answer.status_code, answer.json["code"]) == (422, "event_body_missing")
