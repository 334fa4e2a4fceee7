"""A session that has ended is ended everywhere within seconds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from functions.services.realtime.tests.tabs import Tab
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.stack import Stack

COLUMNS = "id, type, subject, to_char(created at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as time, data"


def what_was_said(env: Environment, account_id: str) -> dict[str, Any]:
    """Return the event of the session's end as it goes to subscribers."""
    rows = text(f"select {COLUMNS} from outbox where data ->> 'account_id' = :id and data ? 'reason'")
    with env.transaction("user_psql", "relay") as db:
        row = db.execute(rows, {"id": account_id}).mappings().one()
    return {"specversion": "1.0", "source": "/botberi/user_psql", **row}


def test_once_the_event_has_arrived_the_token_opens_nothing_in_the_other_database(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    assert api.user.get("/v1/instances", token=somebody.token).status_code == 200
    api.user.post("/v1/auth/logout", token=somebody.token)
    said = what_was_said(env, somebody.id)
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


@pytest.mark.parametrize("what", ["suspend", "scopes"])
def test_an_account_that_may_do_less_is_shut_out_everywhere_within_five_seconds(
    stack: Stack, eventually: Callable[..., Any], what: str
) -> None:
    # There has to be another.
    admin, other = (people.arrive(stack, stack.env, ("user", "admin")) for _ in range(2))
    words = [what, admin.id, *(["user"] if what == "scopes" else []), "--reason", "left the company"]
    with Tab(stack.env.ports.gateway, admin.token) as tab:
        for api, path in ((stack.user, "/v1/me"), (stack.user, "/v1/instances"), (stack.admin, "/v1/admin/audit")):
            assert api.get(path, token=admin.token).status_code == 200
        done = CliRunner().invoke(botberi, ["users", *words])
        assert done.exit_code == 0, done.output
        assert stack.user.get("/v1/me", token=admin.token).code == "session_revoked"
        assert eventually(lambda: stack.user.get("/v1/instances", token=admin.token).status_code == 401, seconds=5)
        assert stack.admin.get("/v1/admin/audit", token=admin.token).code == "session_revoked"
        assert tab.end() == (4401, "session_revoked")
    query = f"/v1/admin/audit?target={admin.id}&origin=event&limit=1"
    [entry] = eventually(
        lambda: [
            each
            for each in stack.admin.get(query, token=other.token).json["items"]
            if each["details"]["data"].get("reason") == "left the company"
        ]
    )
    assert entry["actor"].startswith("command-line:")


def test_a_key_is_good_everywhere_within_seconds_and_ends_everywhere_within_five(
    stack: Stack, eventually: Callable[..., Any]
) -> None:
    # Of two, so that one who is suspended isn't the last.
    owner, _ = (people.arrive(stack, stack.env, ("user", "admin")) for _ in range(2))
    wanted = {"name": "A program", "scopes": ["user", "admin"]}
    deleted, suspended = (stack.user.post("/v1/me/api-keys", token=owner.token, json=wanted).json for _ in range(2))

    def is_taken(key: str) -> bool:
        return stack.user.get("/v1/instances", token=key).status_code == 200

    for key in (deleted["key"], suspended["key"]):
        assert stack.user.get("/v1/me", token=key).status_code == 200
        assert eventually(partial(is_taken, key), seconds=5)
        assert stack.admin.get("/v1/admin/agents?limit=1", token=key).status_code == 200

    def delete() -> bool:
        return stack.user.delete(f"/v1/me/api-keys/{deleted['id']}", token=owner.token).status_code == 204

    def suspend() -> bool:
        told = CliRunner().invoke(botberi, ["users", "suspend", owner.id, "--reason", "left"])
        assert told.exit_code == 0, told.output
        return True

    def is_refused(key: str) -> bool:
        return stack.user.get("/v1/instances", token=key).status_code == 401

    for key, end in ((deleted["key"], delete), (suspended["key"], suspend)):
        with Tab(stack.env.ports.gateway, key) as tab:
            assert tab.ready["account_id"] == owner.id
            assert end()
            assert stack.user.get("/v1/me", token=key).code == "api_key_invalid"
            assert eventually(partial(is_refused, key), seconds=5)
            assert stack.admin.get("/v1/admin/agents?limit=1", token=key).code == "api_key_invalid"
            assert tab.end() == (4401, "api_key_invalid")
