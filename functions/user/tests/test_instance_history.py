"""The history of an instance and the events about it are the same things."""

from collections.abc import Callable

from sqlalchemy import text

from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched


def test_the_history_has_the_ids_and_numbers_of_the_events(
    api: Api, env: Environment, launch: Callable[..., Launched]
) -> None:
    instance = launch()
    instance.ask("stop")
    items = api.user.get(f"{instance.path}/events", token=instance.owner.token).json["items"]
    with env.transaction("shared_psql", "relay") as db:
        said = db.execute(text("select id, seq from outbox where subject = :id order by seq desc"), {"id": instance.id})
        assert [(item["id"], item["sequence"]) for item in items] == [(row.id, f"{row.seq:020}") for row in said]
    assert len(items) == 2
