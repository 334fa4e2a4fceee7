"""A session that has ended is ended everywhere within seconds."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from functions.local.testing.clients import Api
from functions.local.testing.people import Person
from functions.local.testing.stack import Stack
from functions.local.testing.world import World

COLUMNS = "id, type, subject, to_char(created at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as time, data"


def what_was_said(world: World, account_id: str) -> dict[str, Any]:
    """Return the event of the session's end as it goes to subscribers."""
    rows = text(f"select {COLUMNS} from outbox where data ->> 'account_id' = :id and data ? 'reason'")  # noqa: S608 - columns
    with world.transaction("user_psql", "relay") as db:
        row = db.execute(rows, {"id": account_id}).mappings().one()
    return {"specversion": "1.0", "source": "/botberi/user_psql", **row}


def test_once_the_event_has_arrived_the_token_opens_nothing_in_the_other_database(
    api: Api, person: Callable[..., Person], world: World
) -> None:
    somebody = person()
    assert api.user.get("/v1/instances", token=somebody.token).status_code == 200
    api.user.post("/v1/auth/logout", token=somebody.token)
    said = what_was_said(world, somebody.id)
    assert [api.deliver("record_revocation", said).status_code for _ in range(2)] == [200, 200]
    answer = api.user.get("/v1/instances", token=somebody.token)
    assert (answer.status_code, answer.code) == (401, "session_revoked")


def test_a_log_out_is_known_everywhere_within_five_seconds(
    stack: Stack, person: Callable[..., Person], eventually: Callable[..., Any]
) -> None:
    somebody = person()
    assert stack.user.get("/v1/instances", token=somebody.token).status_code == 200
    stack.user.post("/v1/auth/logout", token=somebody.token)
    assert eventually(lambda: stack.user.get("/v1/instances", token=somebody.token).status_code == 401, seconds=5)
