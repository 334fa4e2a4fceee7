"""Choosing another password."""

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import text

from functions.domain.accounts import passwords
from functions.domain.accounts.throttling import FREE
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

NEW = "a staple that nobody guesses"


def change(api: Api, somebody: Person, current: str, new: str = NEW) -> Response:
    body = {"current_password": current, "new_password": new}
    return api.user.put("/v1/me/password", json=body, token=somebody.token)


def log_in(api: Api, somebody: Person, password: str) -> Response:
    return api.user.post("/v1/auth/login", json={"email": somebody.email, "password": password})


def test_the_new_password_counts_and_the_old_one_no_more(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    assert change(api, somebody, somebody.password).status_code == 204
    assert log_in(api, somebody, NEW).status_code == 200
    assert log_in(api, somebody, somebody.password).json["code"] == "credentials_wrong"


def test_other_sessions_end_and_this_one_goes_on(api: Api, person: Callable[..., Person], env: Environment) -> None:
    somebody = person()
    other = log_in(api, somebody, somebody.password).json["access_token"]
    change(api, somebody, somebody.password)
    assert api.user.get("/v1/me", token=other).json["code"] == "session_revoked"
    assert api.user.get("/v1/me", token=somebody.token).status_code == 200
    with env.transaction("user_psql", "relay") as db:
        query = "select type, data from outbox where data ->> 'account_id' = :id order by seq"
        said = [(row.type, row.data.get("reason")) for row in db.execute(text(query), {"id": somebody.id})]
    assert said[-2:] == [
        ("com.botberi.password.changed.v1", None),
        ("com.botberi.session.revoked.v1", "password_changed"),
    ]


def test_without_the_present_password_nothing_changes(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    answer = change(api, somebody, "not the password")
    assert (answer.status_code, answer.json["code"]) == (403, "current_password_wrong")
    assert log_in(api, somebody, somebody.password).status_code == 200


@pytest.mark.parametrize(("new", "code"), [("password1234", "password_common"), ("too short", "too_short")])
def test_a_password_that_can_not_be_used_is_refused(
    api: Api, person: Callable[..., Person], new: str, code: str
) -> None:
    somebody = person()
    answer = change(api, somebody, somebody.password, new)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/new_password"]
    assert code in answer.text or new == "too short"
    assert log_in(api, somebody, somebody.password).status_code == 200


def test_a_hash_of_other_parameters_is_renewed_by_a_log_in(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    outdated = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(somebody.password)
    with env.transaction("user_psql", "migrator") as db:
        renew = "update accounts set password_hash = :hash where id = :id"
        db.execute(text(renew), {"hash": outdated, "id": somebody.id})
    assert log_in(api, somebody, "not the password").status_code == 401
    assert log_in(api, somebody, somebody.password).status_code == 200
    with env.transaction("user_psql", "migrator") as db:
        kept = db.execute(text("select password_hash from accounts where id = :id"), {"id": somebody.id}).scalar_one()
    assert extract_parameters(kept) == extract_parameters(passwords.hashed(somebody.password))
    assert log_in(api, somebody, somebody.password).status_code == 200


def test_guesses_at_the_present_password_wait(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    answers = [change(api, somebody, "not the password").json["code"] for _ in range(FREE + 1)]
    assert answers == ["current_password_wrong"] * FREE + ["too_many_guesses"]
    assert log_in(api, somebody, somebody.password).status_code == 200
