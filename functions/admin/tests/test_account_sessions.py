"""What those who help people do about where somebody is logged in, and about a password that is forgotten."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

Somebody = Callable[..., Person]
WHY = "They called: the phone is gone."
BECAUSE = "?reason=They+called%3A+the+phone+is+gone."


@pytest.fixture
def helper(person: Somebody) -> Person:
    return person(("user", "support"))


def path(somebody: Person, rest: str) -> str:
    return f"/v1/admin/accounts/{somebody.id}/{rest}"


def log_in(api: Api, somebody: Person) -> Any:
    return api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password}).json


def said(env: Environment, account_id: str, kind: str) -> list[Any]:
    query = text("select data from outbox where type = :type and data ->> 'account_id' = :id")
    with env.transaction("user_psql", "relay") as db:
        return list(db.scalars(query, {"type": f"com.botberi.{kind}.v1", "id": account_id}).all())


def test_where_somebody_is_logged_in_is_seen_and_ended_one_by_one_or_all_at_once(
    api: Api, env: Environment, helper: Person, person: Somebody
) -> None:
    ann = person()
    tokens = [log_in(api, ann)["access_token"] for _ in range(2)]
    seen = api.admin.get(path(ann, "sessions"), token=helper.token).json["items"]
    assert len(seen) == 3
    assert {each["current"] for each in seen} == {False}
    assert api.admin.delete(path(ann, f"sessions/{seen[0]['id']}") + BECAUSE, token=helper.token).status_code == 204
    assert [api.user.get("/v1/me", token=token).status_code for token in tokens] == [200, 401]
    assert api.admin.delete(path(ann, "sessions") + BECAUSE, token=helper.token).status_code == 204
    assert api.user.get("/v1/me", token=tokens[0]).code == "session_revoked"
    assert api.admin.get(path(ann, "sessions"), token=helper.token).json["items"] == []
    ended = said(env, ann.id, "session.revoked")
    assert [(each["reason"], each["message"]) for each in ended] == [("ended_by_administrator", WHY)] * 3


def test_a_session_is_ended_by_the_account_that_it_is_of(api: Api, helper: Person, person: Somebody) -> None:
    ann, bob = person(), person()
    [session] = api.admin.get(path(bob, "sessions"), token=helper.token).json["items"]
    for wrong in (session["id"], new_id("ses")):
        answer = api.admin.delete(path(ann, f"sessions/{wrong}") + BECAUSE, token=helper.token)
        assert (answer.status_code, answer.code) == (404, "session_not_found")
    assert api.user.get("/v1/me", token=bob.token).status_code == 200


def test_a_password_is_set_by_its_owner_alone_who_is_sent_a_mail(
    api: Api, env: Environment, helper: Person, person: Somebody
) -> None:
    ann = person()
    answer = api.admin.post(path(ann, "password-reset"), json={"reason": WHY}, token=helper.token)
    assert (answer.status_code, answer.text) == (202, "")
    assert [each["message"] for each in said(env, ann.id, "password.reset_requested")] == [WHY]
    assert log_in(api, ann)["access_token"]


@pytest.mark.parametrize(
    ("method", "rest"), [("DELETE", "sessions"), ("DELETE", f"sessions/ses_{'0' * 32}"), ("POST", "password-reset")]
)
def test_it_is_done_to_others_with_a_reason_and_to_whoever_has_a_role_by_administrators(
    api: Api, helper: Person, person: Somebody, method: str, rest: str
) -> None:
    def ask(whom: str, why: str = BECAUSE) -> str | None:
        address = f"/v1/admin/accounts/{whom}/{rest}"
        body = {"reason": WHY} if why else {}
        if method == "DELETE":
            return api.admin.delete(address + why, token=helper.token).code
        return api.admin.post(address, json=body, token=helper.token).code

    assert ask(helper.id) == "own_account"
    assert ask(person(("user", "catalog")).id) == "role_needed"
    assert ask(new_id("usr")) == "account_not_found"
    assert ask(person().id, why="") == "invalid"
