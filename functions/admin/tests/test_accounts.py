"""What administrators do about people's accounts, by the API."""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from functions.domain.accounts import administration, deletion
from functions.domain.databases import UserDb
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

Somebody = Callable[..., Person]
WHY = "They sent spam."


@pytest.fixture
def administrator(person: Somebody) -> Person:
    return person(("user", "admin"))


def path(somebody: Person, action: str = "") -> str:
    return f"/v1/admin/accounts/{somebody.id}{action}"


def logs_in(api: Api, somebody: Person) -> Response:
    return api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})


def listed(api: Api, administrator: Person, **which: object) -> dict[str, Any]:
    return dict(api.admin.get(f"/v1/admin/accounts?{urlencode(which)}", token=administrator.token).json)


def test_an_account_is_found_by_its_address_and_read_without_a_secret(
    api: Api, administrator: Person, person: Somebody
) -> None:
    ann = person()
    [found] = listed(api, administrator, email=ann.email.upper())["items"]
    assert found == api.admin.get(path(ann), token=administrator.token).json
    assert found | {"created_at": ""} == {
        "id": ann.id,
        "email": ann.email,
        "email_verified": found["email_verified"],
        "scopes": ["user"],
        "suspended": False,
        "purge_at": None,
        "created_at": "",
    }
    assert listed(api, administrator, email="nobody@example.com")["items"] == []


def test_accounts_are_listed_the_newest_first_and_by_what_they_are(
    api: Api, administrator: Person, person: Somebody
) -> None:
    three = [person() for _ in range(3)]
    assert (
        api.admin.post(path(three[1], "/suspend"), json={"reason": WHY}, token=administrator.token).status_code == 200
    )

    def ids(**which: object) -> list[str]:
        return [each["id"] for each in listed(api, administrator, limit=100, **which)["items"]]

    ours = {each.id for each in three}
    assert [each for each in ids() if each in ours] == [each.id for each in reversed(three)]
    assert set(ids(suspended="true")) & ours == {three[1].id}
    assert set(ids(suspended="false")) & ours == {three[0].id, three[2].id}
    assert administrator.id in ids(scope="admin")
    assert not set(ids(scope="admin")) & ours
    first = listed(api, administrator, limit=1)
    second = listed(api, administrator, limit=1, cursor=first["next_cursor"])
    assert second["items"][0]["id"] < first["items"][0]["id"]


def test_a_suspended_account_is_shut_out_until_it_is_restored(
    api: Api, administrator: Person, person: Somebody, env: Environment
) -> None:
    ann = person()
    for action, suspended in (("suspend", True), ("suspend", True), ("restore", False)):
        answer = api.admin.post(path(ann, f"/{action}"), json={"reason": WHY}, token=administrator.token)
        assert (answer.status_code, answer.json["suspended"]) == (200, suspended)
        assert api.user.get("/v1/me", token=ann.token).code == "session_revoked"
        assert logs_in(api, ann).json.get("code") == ("account_suspended" if suspended else None)
    query = text("select type, actor, data ->> 'reason' from outbox where subject = :id and type like '%.account.%'")
    with env.transaction("user_psql", "relay") as db:
        said = [tuple(row) for row in db.execute(query, {"id": ann.id})]
    assert sorted(said)[-2:] == [
        ("com.botberi.account.restored.v1", administrator.id, WHY),
        ("com.botberi.account.suspended.v1", administrator.id, WHY),
    ]


def test_an_account_may_do_what_it_is_said_to(api: Api, administrator: Person, person: Somebody) -> None:
    ann = person()
    told = {"scopes": ["broker", "user"], "reason": WHY}
    answer = api.admin.put(path(ann, "/scopes"), json=told, token=administrator.token)
    assert (answer.status_code, answer.json["scopes"]) == (200, ["user", "broker"])
    assert api.user.get("/v1/me", token=ann.token).status_code == 200
    api.admin.put(path(ann, "/scopes"), json=told | {"scopes": ["user"]}, token=administrator.token)
    assert api.user.get("/v1/me", token=ann.token).code == "session_revoked"
    unknown = api.admin.put(path(ann, "/scopes"), json=told | {"scopes": ["root"]}, token=administrator.token)
    assert (unknown.status_code, unknown.json["errors"][0]["pointer"]) == (422, "/scopes")


@pytest.mark.parametrize("action", ["suspend", "restore", "reset-factors"])
def test_nobody_does_it_to_their_own_account_or_without_a_reason(
    api: Api, administrator: Person, person: Somebody, action: str
) -> None:
    own = api.admin.post(path(administrator, f"/{action}"), json={"reason": WHY}, token=administrator.token)
    assert (own.status_code, own.code) == (409, "own_account")
    ann = person()
    for reason in ({}, {"reason": ""}, {"reason": " "}):
        assert api.admin.post(path(ann, f"/{action}"), json=reason, token=administrator.token).status_code == 422
    unknown = f"/v1/admin/accounts/usr_{'0' * 32}/{action}"
    missing = api.admin.post(unknown, json={"reason": WHY}, token=administrator.token)
    assert (missing.status_code, missing.code) == (404, "account_not_found")
    assert api.admin.post(path(ann, f"/{action}"), json={"reason": WHY}, token=ann.token).status_code == 403


def test_nobody_changes_their_own_scopes(api: Api, administrator: Person) -> None:
    told = {"scopes": ["user", "admin", "broker"], "reason": WHY}
    answer = api.admin.put(path(administrator, "/scopes"), json=told, token=administrator.token)
    assert (answer.status_code, answer.code) == (409, "own_account")


@pytest.mark.parametrize("role", ["support", "catalog", "admin"])
@pytest.mark.parametrize("action", ["suspend", "restore", "reset-factors"])
def test_who_has_a_role_is_for_administrators_alone(
    api: Api, administrator: Person, person: Somebody, action: str, role: str
) -> None:
    helper, other = person(("user", "support")), person(("user", role))
    ann = person()
    assert api.admin.post(path(ann, f"/{action}"), json={"reason": WHY}, token=helper.token).status_code == 200
    refused = api.admin.post(path(other, f"/{action}"), json={"reason": WHY}, token=helper.token)
    assert (refused.status_code, refused.code) == (403, "role_needed")
    assert api.admin.post(path(other, f"/{action}"), json={"reason": WHY}, token=administrator.token).status_code == 200


def test_without_a_second_factor_one_is_told_how_to_get_it(api: Api, administrator: Person) -> None:
    token = people.logged_in(administrator, aal=1)
    answer = api.admin.get("/v1/admin/accounts", token=token)
    assert (answer.status_code, answer.code) == (403, "insufficient_aal")
    assert "POST /v1/me/mfa/totp" in answer.json["detail"]
    assert 'acr_values="aal2"' in answer.headers["WWW-Authenticate"]


def test_one_administrator_is_always_left(person: Somebody, env: Environment) -> None:
    last = person(("user", "admin"))
    others = text("select id from accounts where scopes @> '{admin}' and not suspended and id <> :id")
    with env.transaction("user_psql", "admin") as db:
        for other in db.scalars(others, {"id": last.id}).all():
            administration.change_scopes(UserDb(db), other, ["user"], WHY)
        with pytest.raises(administration.LastAdministrator):
            administration.suspend(UserDb(db), last.id, WHY)
        with pytest.raises(administration.LastAdministrator):
            administration.change_scopes(UserDb(db), last.id, ["user"], WHY)
        with pytest.raises(administration.LastAdministrator):
            deletion.delete(UserDb(db), last.id)
        # Others' tests shall find theirs as they were.
        db.rollback()


def test_two_who_suspend_each_other_take_turns(api: Api, person: Somebody, env: Environment) -> None:
    one, other = person(("user", "admin")), person(("user", "admin"))
    done: list[bool] = []

    def suspend(whom: Person) -> None:
        with env.transaction("user_psql", "admin") as db:
            done.append(administration.suspend(UserDb(db), whom.id, WHY))

    threads = [threading.Thread(target=suspend, args=(each,)) for each in (one, other)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert done == [True, True]
    assert [logs_in(api, each).code for each in (one, other)] == ["account_suspended"] * 2
