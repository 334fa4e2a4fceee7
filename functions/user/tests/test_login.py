from collections.abc import Callable
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from functions.domain.accounts.refresh_tokens import RefreshToken
from functions.domain.accounts.throttling import FREE
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person


def test_who_logs_in_gets_ten_minutes_and_a_way_to_more(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    answer = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    assert answer.status_code == 200
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 600)
    assert api.user.get("/v1/me", token=answer.json["access_token"]).json["id"] == somebody.id


def test_a_password_is_good_however_old_it_is(api: Api, person: Callable[..., Person], env: Environment) -> None:
    somebody = person()
    with env.transaction("user_psql", "migrator") as db:
        age = "update accounts set created_at = now() - interval '10 years' where id = :id"
        db.execute(text(age), {"id": somebody.id})
    answer = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    assert answer.status_code == 200


def test_an_address_logs_in_however_it_is_written(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    answer = api.user.post("/v1/auth/login", json={"email": somebody.email.upper(), "password": somebody.password})
    assert answer.status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(api: Api, person: Callable[..., Person]) -> None:
    known = api.user.post("/v1/auth/login", json={"email": person().email, "password": "not the password"})
    unknown = api.user.post("/v1/auth/login", json={"email": "nobody@example.com", "password": "not the password"})
    assert (known.status_code, known.json["code"]) == (401, "credentials_wrong")
    assert known.json | {"trace_id": ""} == unknown.json | {"trace_id": ""}


@pytest.mark.parametrize("known", [True, False])
def test_one_password_is_verified_whether_there_is_an_account_or_not(
    api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    email = person().email if known else "nobody@example.com"
    verified, verify = [], PasswordHasher.verify

    def counted(hasher: PasswordHasher, kept: str, password: str) -> bool:
        verified.append(kept)
        return bool(verify(hasher, kept, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    api.user.post("/v1/auth/login", json={"email": email, "password": "not the password"})
    assert len(verified) == 1


def test_a_suspended_account_is_refused(api: Api, person: Callable[..., Person], env: Environment) -> None:
    somebody = person()
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update accounts set suspended = true where id = :id"), {"id": somebody.id})
    answer = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    assert (answer.status_code, answer.json["code"]) == (403, "account_suspended")


@pytest.mark.parametrize("credentials", [{}, {"email": "a@example.com"}, {"email": "a", "password": ""}, [], "x", None])
def test_credentials_of_another_shape_are_refused(api: Api, credentials: object) -> None:
    answer = api.user.post("/v1/auth/login", json=credentials)
    assert answer.status_code in {415, 422}


def test_neither_a_password_nor_a_token_is_kept_as_it_is(
    api: Api, person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    login = {"email": somebody.email, "password": somebody.password}
    token = api.user.post("/v1/auth/login", json=login).json["refresh_token"]
    with env.transaction("user_psql", "migrator") as db:
        rows = db.execute(
            text("select to_jsonb(a) || to_jsonb(s) from accounts a join sessions s on account_id = a.id")
        )
        kept = str(rows.scalars().all())
    assert somebody.id in kept
    assert somebody.password not in kept
    assert RefreshToken.read(token).secret.hex() not in kept


def test_guesses_wait_and_whoever_is_right_waits_for_nobody(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    wrong = {"email": somebody.email, "password": "not the password"}
    right = {"email": somebody.email, "password": somebody.password}
    for _ in range(3):
        statuses = [api.user.post("/v1/auth/login", json=wrong).status_code for _ in range(FREE - 1)]
        assert statuses == [401] * (FREE - 1)
        assert api.user.post("/v1/auth/login", json=right).status_code == 200
    answers = [api.user.post("/v1/auth/login", json=wrong) for _ in range(FREE + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429]
    assert (answers[-1].json["code"], answers[-1].headers["Retry-After"]) == ("too_many_guesses", "1")
    assert answers[-1].headers["RateLimit"] == '"guesses";r=0;t=1'
    assert answers[-1].headers["RateLimit-Policy"] == '"guesses";q=5;w=900'


def test_an_unknown_address_is_throttled_like_a_known_one(api: Api) -> None:
    wrong = {"email": f"{uuid4().hex}@example.com", "password": "not the password"}
    answers = [api.user.post("/v1/auth/login", json=wrong) for _ in range(FREE + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429]
