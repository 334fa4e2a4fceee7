"""API keys: made by somebody who has just logged in, shown once, and good until they end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain import live_api_keys
from functions.domain.accounts import administration, api_key_text
from functions.domain.databases import SharedDb, UserDb
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

KEYS = "/v1/me/api-keys"


def make(api: Api, owner: Person, **changes: Any) -> Response:
    return api.user.post(KEYS, token=owner.token, json={"name": "Nightly build", "scopes": ["user"]} | changes)


def listed(api: Api, owner: Person) -> list[dict[str, Any]]:
    return list(api.user.get(KEYS, token=owner.token).json["items"])


def test_a_key_is_told_once_and_then_opens_what_a_token_opens(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    owner = person()
    made = make(api, owner, expires_in_days=30).json
    assert api_key_text.is_well_formed(made["key"])
    assert made["key"].startswith("bbk_test_")
    good_for = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert good_for == timedelta(days=30)
    assert listed(api, owner) == [{name: value for name, value in made.items() if name != "key"}]
    assert api.user.get("/v1/me", token=made["key"]).json["id"] == owner.id
    # Functions on the other database know it as soon as the event has come.
    assert api.user.get("/v1/instances", token=made["key"]).code == "api_key_invalid"
    people.record_api_key(env, made["id"])
    assert api.user.get("/v1/instances", token=made["key"]).status_code == 200


def test_nothing_keeps_the_key(api: Api, person: Callable[..., Person], env: Environment) -> None:
    owner = person()
    headers = {"Idempotency-Key": "once"}
    wanted = {"name": "Canary", "scopes": ["user"]}
    made = [api.user.post(KEYS, token=owner.token, json=wanted, headers=headers) for _ in range(2)]
    # A repeated answer would have to be kept, and the key with it: so each is another key.
    assert len({each.json["key"] for each in made}) == 2
    key = made[0].json["key"]
    people.record_api_key(env, made[0].json["id"])
    for database, others in (("user_psql", ("idempotency_keys", "outbox")), ("shared_psql", ("outbox",))):
        with env.transaction(database, "migrator") as db:
            for table in ("api_keys", *others):
                rows = str(db.execute(text(f"select to_jsonb({table})::text from {table}")).all())
                assert key not in rows
                assert table != "outbox" or api_key_text.hashed(key) not in rows


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"scopes": ["user", "admin"]}, "/scopes/1", "scope_not_granted"),
        ({"scopes": []}, "/scopes", "too_short"),
        ({"scopes": ["root"]}, "/scopes/0", "literal_error"),
        ({"scopes": ["user"] * 5}, "/scopes", "too_long"),
        ({"expires_in_days": 366}, "/expires_in_days", "less_than_equal"),
        ({"expires_in_days": 0}, "/expires_in_days", "greater_than_equal"),
        ({"name": ""}, "/name", "string_too_short"),
        ({"name": "two\nlines"}, "/name", "string_pattern_mismatch"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "/expires_at", "extra_forbidden"),
    ],
)
def test_a_key_can_do_no_more_than_its_owner_nor_for_longer_than_a_year(
    api: Api, person: Callable[..., Person], changes: dict[str, Any], pointer: str, code: str
) -> None:
    owner = person()
    answer = make(api, owner, **changes)
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json["errors"]] == [(pointer, code)]
    assert listed(api, owner) == []


def test_no_key_makes_reads_or_ends_keys_or_sessions(api: Api, person: Callable[..., Person], env: Environment) -> None:
    owner = person()
    key = people.api_key(api, env, owner)
    session = api.user.get("/v1/me/sessions", token=owner.token).json["items"][0]["id"]
    passwords = {"current_password": owner.password, "new_password": "another good long password"}
    answers = [
        api.user.post(KEYS, token=key.text, json={"name": "Another", "scopes": ["user"]}),
        api.user.get(KEYS, token=key.text),
        api.user.delete(f"{KEYS}/{key.id}", token=key.text),
        api.user.post("/v1/auth/logout?sessions=all", token=key.text),
        api.user.get("/v1/me/sessions", token=key.text),
        api.user.delete(f"/v1/me/sessions/{session}", token=key.text),
        api.user.put("/v1/me/password", token=key.text, json=passwords),
    ]
    assert [(answer.status_code, answer.code) for answer in answers] == [(403, "session_required")] * len(answers)
    assert api.user.get("/v1/me", token=owner.token).status_code == 200


def test_whoever_logged_in_long_ago_logs_in_again_before_a_key_is_made(api: Api, person: Callable[..., Person]) -> None:
    owner = person()
    old = people.logged_in(owner, age=700)
    answer = api.user.post(KEYS, token=old, json={"name": "Late", "scopes": ["user"]})
    assert (answer.status_code, answer.code) == (401, "reauthentication_required")
    assert api.user.get(KEYS, token=old).json["items"] == []


def test_a_deleted_key_opens_nothing_and_is_not_deleted_twice(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    owner = person()
    key, kept = people.api_key(api, env, owner), people.api_key(api, env, owner)
    answers = [api.user.delete(f"{KEYS}/{key.id}", token=owner.token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    assert answers[1].code == "api_key_not_found"
    assert api.user.get("/v1/me", token=key.text).code == "api_key_invalid"
    assert [each["id"] for each in listed(api, owner)] == [kept.id]
    with env.transaction("user_psql", "relay") as db:
        of_key = text("select type, data ->> 'reason' from outbox where subject = :id order by seq")
        said = [tuple(row) for row in db.execute(of_key, {"id": key.id})]
    assert said == [
        ("com.botberi.api_key.created.v1", None),
        ("com.botberi.api_key.revoked.v1", "revoked_by_owner"),
    ]


def test_a_key_of_somebody_else_is_not_there(api: Api, person: Callable[..., Person], env: Environment) -> None:
    owner, other = person(), person()
    key = people.api_key(api, env, owner)
    assert api.user.delete(f"{KEYS}/{key.id}", token=other.token).code == "api_key_not_found"
    assert listed(api, other) == []
    assert api.user.get("/v1/me", token=key.text).status_code == 200


def test_of_two_that_are_asked_for_at_once_the_twentieth_is_the_last(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    owner = person()
    keys = [make(api, owner).json for _ in range(19)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: make(api, owner), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert make(api, owner).code == "too_many_api_keys"
    # What has expired or was deleted leaves room.
    people.expire_api_key(env, keys[0]["id"])
    assert make(api, owner).status_code == 201
    api.user.delete(f"{KEYS}/{keys[1]['id']}", token=owner.token)
    assert make(api, owner).status_code == 201
    pages = api.user.get(f"{KEYS}?limit=15", token=owner.token).json
    rest = api.user.get(f"{KEYS}?limit=15&cursor={pages['next_cursor']}", token=owner.token).json
    ids = [each["id"] for each in (*pages["items"], *rest["items"])]
    assert (ids, len(ids), rest["next_cursor"]) == (sorted(ids, reverse=True), 21, None)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/instances"])
def test_the_use_of_a_key_is_noted_once_in_a_minute(
    api: Api, person: Callable[..., Person], env: Environment, path: str
) -> None:
    owner = person()
    key = people.api_key(api, env, owner)
    assert [each["last_used_at"] for each in listed(api, owner)] == [None]
    api.user.get(path, token=key.text)
    [first] = [each["last_used_at"] for each in listed(api, owner)]
    api.user.get(path, token=key.text)
    assert [each["last_used_at"] for each in listed(api, owner)] == [first]
    for database in ("user_psql", "shared_psql"):
        with env.transaction(database, "migrator") as db:
            earlier = text("update api_keys set last_used_at = last_used_at - interval '61 seconds' where id = :id")
            db.execute(earlier, {"id": key.id})
    api.user.get(path, token=key.text)
    assert [each["last_used_at"] > first for each in listed(api, owner)] == [True]


def test_whoever_uses_a_key_waits_for_nobody(api: Api, person: Callable[..., Person], env: Environment) -> None:
    owner = person()
    key = people.api_key(api, env, owner)
    with env.transaction("shared_psql", "migrator") as held:
        held.execute(text("select 1 from api_keys where id = :id for update"), {"id": key.id})
        assert api.user.get("/v1/instances", token=key.text).status_code == 200
        held.execute(text("lock table api_keys in share mode"))
        assert api.user.get("/v1/instances", token=key.text).status_code == 200
    assert [each["last_used_at"] for each in listed(api, owner)] == [None]


def test_what_is_done_by_a_key_is_told_with_its_id(api: Api, person: Callable[..., Person], env: Environment) -> None:
    somebody = person()
    key = people.api_key(api, env, somebody)
    headers = {"If-Match": '"0"'}
    made = api.user.put("/v1/me/budget", token=key.text, json={"period": "day", "runs": 5}, headers=headers)
    assert made.status_code == 200, made.text
    with env.transaction("shared_psql", "relay") as db:
        query = text("select actor from outbox where data ->> 'owner_id' = :id")
        assert db.scalars(query, {"id": somebody.id}).all() == [f"{somebody.id}/{key.id}"]


@pytest.mark.parametrize(("lost", "left"), [("admin", ["user"]), ("user", ["admin"])])
def test_a_scope_that_is_taken_away_takes_its_keys_along_and_no_others(
    api: Api, person: Callable[..., Person], env: Environment, lost: str, left: list[str]
) -> None:
    # Of two, so that it isn't the last administrator who becomes none.
    owner, _ = (person(("user", "admin")) for _ in range(2))
    keys = {scope: people.api_key(api, env, owner, scope) for scope in ("user", "admin")}
    with env.transaction("user_psql", "admin") as db:
        assert administration.change_scopes(UserDb(db), owner.id, left, "a test")
    with env.transaction("user_psql", "user") as db:
        good = {scope for scope, key in keys.items() if live_api_keys.find(UserDb(db), key.text)}
    assert good == {"user", "admin"} - {lost}


def test_a_restored_account_has_no_keys(api: Api, person: Callable[..., Person], env: Environment) -> None:
    owner = person()
    key = people.api_key(api, env, owner)
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), owner.id, "a test")
        administration.restore(UserDb(db), owner.id, "a mistake")
    assert api.user.get("/v1/me", token=key.text).code == "api_key_invalid"


@pytest.mark.parametrize("revoked_first", [True, False])
def test_it_does_not_matter_which_of_a_keys_events_comes_first(
    api: Api, person: Callable[..., Person], env: Environment, revoked_first: bool
) -> None:
    owner = person()
    made = make(api, owner).json
    expires_at = datetime.fromisoformat(made["expires_at"])
    # Read by the one subscriber before the key is revoked, and written after the other has written.
    with env.transaction("shared_psql", "subscribers") as db, env.transaction("user_psql", "subscribers") as user:
        if revoked_first:
            live_api_keys.revoke(SharedDb(db), made["id"], expires_at)
        live_api_keys.record(SharedDb(db), UserDb(user), made["id"])
        if not revoked_first:
            live_api_keys.revoke(SharedDb(db), made["id"], expires_at)
        live_api_keys.record(SharedDb(db), UserDb(user), made["id"])
    with env.transaction("shared_psql", "user") as db:
        assert live_api_keys.find(SharedDb(db), made["key"]) is None
        assert live_api_keys.has_ended(SharedDb(db), made["id"])
