import secrets

import pytest
from sqlalchemy import text

from testing.clients import Api
from testing.environment import Environment

PASSWORD = "a good long password"


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def test_who_registers_has_an_account_with_the_scope_user(api: Api) -> None:
    email = new_email()
    answer = api.user.post("/v1/auth/register", json={"email": email.upper(), "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.json["id"].startswith("usr_")
    assert (answer.json["email"], answer.json["scopes"]) == (email, ["user"])
    assert "password" not in str(answer.json)


def test_a_registration_is_said_once_by_the_account_itself(api: Api, env: Environment) -> None:
    account = api.user.post("/v1/auth/register", json={"email": new_email(), "password": PASSWORD}).json
    with env.transaction("user_psql", "relay") as db:
        said = db.execute(text("select type, data, actor from outbox where subject = :id"), account).all()
    assert said == [("com.botberi.account.registered.v1", {"account_id": account["id"]}, account["id"])]


def test_an_address_has_one_account_however_it_is_written(api: Api) -> None:
    email = new_email()
    api.user.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    answer = api.user.post("/v1/auth/register", json={"email": email.title(), "password": PASSWORD})
    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/email"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": 5}, "/email"),
        ({"password": "eleven char"}, "/password"),
        ({"password": "x" * 1025}, "/password"),
        ({"password": None}, "/password"),
        ({"password": "a good long pass\x00word"}, "/password"),
        ({"scopes": ["admin"]}, "/scopes"),
    ],
)
def test_what_is_wrong_with_a_registration_is_said_at_its_field(
    api: Api, change: dict[str, object], pointer: str
) -> None:
    answer = api.user.post("/v1/auth/register", json={"email": new_email(), "password": PASSWORD} | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("ann", "not_an_email"),
        ("", "not_an_email"),
        ("a..b@example.com", "not_an_email"),
        ("x@127.0.0.1", "not_an_email"),
        ("änn@example.com", "email_not_ascii"),
        ("a" * 250 + "@example.com", "email_too_long"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/auth/register", "/v1/auth/login"])
def test_what_is_no_address_is_refused_with_its_own_code(api: Api, path: str, email: str, reason: str) -> None:
    answer = api.user.post(path, json={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.code) == (422, "email_invalid")
    assert [(error["pointer"], error["code"]) for error in answer.json["errors"]] == [("/email", reason)]


def test_the_address_itself_is_no_password(api: Api) -> None:
    email = new_email()
    answer = api.user.post("/v1/auth/register", json={"email": email, "password": email.upper()})
    assert (answer.status_code, answer.json["code"]) == (422, "password_unfit")
    assert [error["code"] for error in answer.json["errors"]] == ["password_is_email"]
