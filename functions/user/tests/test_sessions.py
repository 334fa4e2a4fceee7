"""Where somebody is logged in, and how that ends elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

PHONE = {"User-Agent": "Phone/7 (of somebody)", "X-Forwarded-For": "2001:db8:1:2:3:4:5:6"}


def log_in(api: Api, somebody: Person, headers: dict[str, str] | None = None) -> dict[str, Any]:
    credentials = {"email": somebody.email, "password": somebody.password}
    return dict(api.user.post("/v1/auth/login", json=credentials, headers=headers).json)


def listed(api: Api, token: str) -> list[dict[str, Any]]:
    return list(api.user.get("/v1/me/sessions", token=token).json["items"])


def test_sessions_tell_where_and_with_what_they_are_used(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    phone = log_in(api, somebody, PHONE)
    newest, first = listed(api, somebody.token)
    assert (newest["device"], newest["network"], newest["current"]) == (PHONE["User-Agent"], "2001:db8:1:2::/64", False)
    assert first["current"]
    assert [each["current"] for each in listed(api, phone["access_token"])] == [True, False]
    moved = {"User-Agent": "Phone/8", "X-Forwarded-For": "10.9.9.9, 203.0.113.77"}
    api.user.post("/v1/auth/refresh", json={"refresh_token": phone["refresh_token"]}, headers=moved)
    assert (listed(api, somebody.token)[0]["device"], listed(api, somebody.token)[0]["network"]) == (
        "Phone/8",
        "203.0.113.0/24",
    )


def opened_elsewhere(env: Environment, somebody: Person) -> list[str]:
    """Return the sessions of which that was said."""
    query = text("select subject from outbox where type = :type and data ->> 'account_id' = :id order by seq")
    told = {"type": "com.botberi.session.opened_elsewhere.v1", "id": somebody.id}
    with env.transaction("user_psql", "relay") as db:
        return list(db.scalars(query, told))


def test_of_another_place_or_program_than_ever_it_is_said_that_somebody_logged_in(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    somebody = person()
    home, other = PHONE | {"X-Forwarded-For": "198.51.100.7"}, PHONE | {"User-Agent": "Other/1"}
    expected = []
    for headers, new in ((PHONE, True), (PHONE, False), (home, True), (home, False), (other, True)):
        log_in(api, somebody, headers)
        if new:
            expected.append(listed(api, somebody.token)[0]["id"])
    assert opened_elsewhere(env, somebody) == expected
    # Of the first log-in there was nothing to say.
    assert len(listed(api, somebody.token)) == 6


@pytest.mark.parametrize(
    ("told", "kept"),
    [("nowhere", ""), ("", ""), ("::ffff:198.51.100.7", "198.51.100.0/24"), ("fe80::1%eth0", "fe80::/64")],
)
def test_an_address_is_kept_as_its_network(api: Api, person: Callable[..., Person], told: str, kept: str) -> None:
    somebody = person()
    log_in(api, somebody, {"X-Forwarded-For": told, "User-Agent": "x" * 500 + "\N{SNOWMAN}"})
    session = listed(api, somebody.token)[0]
    assert (session["network"], session["device"]) == (kept, "x" * 200)


def test_a_session_is_ended_from_another(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    phone = log_in(api, somebody)
    path = f"/v1/me/sessions/{listed(api, somebody.token)[0]['id']}"
    assert api.user.delete(path, token=somebody.token).status_code == 204
    assert api.user.get("/v1/me", token=phone["access_token"]).json["code"] == "session_revoked"
    assert [each["current"] for each in listed(api, somebody.token)] == [True]
    again = api.user.delete(path, token=somebody.token)
    assert (again.status_code, again.json["code"]) == (404, "session_not_found")


@pytest.mark.parametrize(("which", "status"), [("others", 401), ("this", 204), ("all", 204)])
def test_long_after_the_log_in_nobody_stays_alone(
    api: Api, person: Callable[..., Person], which: str, status: int
) -> None:
    old = people.logged_in(person(), age=11 * 60)
    assert api.user.post(f"/v1/auth/logout?sessions={which}", token=old).status_code == status


def test_a_session_of_somebody_else_is_not_there(api: Api, person: Callable[..., Person]) -> None:
    somebody, other = person(), person()
    path = f"/v1/me/sessions/{listed(api, somebody.token)[0]['id']}"
    assert api.user.delete(path, token=other.token).json["code"] == "session_not_found"
    assert api.user.get("/v1/me", token=somebody.token).status_code == 200


@pytest.mark.parametrize(("which", "goes_on"), [("this", [1, 2]), ("others", [0]), ("all", [])])
def test_a_logout_ends_the_sessions_that_it_is_asked_to(
    api: Api, person: Callable[..., Person], which: str, goes_on: list[int]
) -> None:
    somebody, other = person(), person()
    tokens = [somebody.token, *(log_in(api, somebody)["access_token"] for _ in range(2))]
    assert api.user.post(f"/v1/auth/logout?sessions={which}", token=somebody.token).status_code == 204
    statuses = [api.user.get("/v1/me", token=token).status_code for token in tokens]
    assert [number for number, status in enumerate(statuses) if status == 200] == goes_on
    assert api.user.get("/v1/me", token=other.token).status_code == 200


def test_a_session_ends_some_day_however_often_it_is_refreshed(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    with env.transaction("user_psql", "migrator") as db:
        change = "update sessions set ends_at = now() + interval '1 day' where account_id = :id"
        db.execute(text(change), {"id": somebody.id})
    answer = api.user.post("/v1/auth/refresh", json={"refresh_token": somebody.refresh_token})
    assert answer.status_code == 200
    with env.transaction("user_psql", "migrator") as db:
        query = "select expires_at = ends_at from sessions where account_id = :id"
        assert db.execute(text(query), {"id": somebody.id}).scalars().all() == [True]


def test_pages_of_sessions_have_each_once(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    for _ in range(3):
        log_in(api, somebody)
    first = api.user.get("/v1/me/sessions?limit=3", token=somebody.token).json
    second = api.user.get(f"/v1/me/sessions?limit=3&cursor={first['next_cursor']}", token=somebody.token).json
    ids = [each["id"] for each in first["items"] + second["items"]]
    assert (ids, len(ids), second["next_cursor"]) == (sorted(set(ids), reverse=True), 4, None)
