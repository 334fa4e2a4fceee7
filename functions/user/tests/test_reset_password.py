import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.domain.accounts.throttling import FREE, FREE_MAILS
from testing import mails as sending
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import challenge, enrol, verify
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

NEW = "another good long password"


def forgot(api: Api, email: str) -> Response:
    return api.user.post("/v1/auth/password/forgot", json={"email": email})


def reset(api: Api, token: str, password: str = NEW) -> Response:
    return api.user.post("/v1/auth/password/reset", json={"token": token, "new_password": password})


def log_in(api: Api, somebody: Person, password: str) -> Response:
    return api.user.post("/v1/auth/login", json={"email": somebody.email, "password": password})


@pytest.fixture
def sent(api: Api, env: Environment, person: Callable[..., Person], mails: Catcher) -> tuple[Person, str]:
    """Somebody who has forgotten their password, and the token that was sent to them."""
    somebody = person(verified=False)
    forgot(api, somebody.email)
    sending.send(api, env, somebody.id)
    return somebody, sending.token_to(mails, somebody.email)


def test_the_token_of_the_mail_sets_another_password_once(api: Api, sent: tuple[Person, str]) -> None:
    somebody, token = sent
    assert reset(api, token).status_code == 204
    assert log_in(api, somebody, NEW).status_code == 200
    assert log_in(api, somebody, somebody.password).json["code"] == "credentials_wrong"
    again = reset(api, token, "yet another long password")
    assert (again.status_code, again.json["code"]) == (410, "token_expired_or_used")
    assert log_in(api, somebody, NEW).status_code == 200


def test_every_session_ends_and_the_owner_is_told(
    api: Api, env: Environment, sent: tuple[Person, str], mails: Catcher
) -> None:
    somebody, token = sent
    other = log_in(api, somebody, somebody.password).json["access_token"]
    reset(api, token)
    answers = [api.user.get("/v1/me", token=each).json["code"] for each in (somebody.token, other)]
    assert answers == ["session_revoked"] * 2
    with env.transaction("user_psql", "relay") as db:
        query = text("select type, data ->> 'reason' from outbox where data ->> 'account_id' = :id order by seq")
        said = [tuple(row) for row in db.execute(query, {"id": somebody.id})]
    assert said[-4:] == [
        ("com.botberi.password.changed.v1", None),
        ("com.botberi.email.verified.v1", None),
        *[("com.botberi.session.revoked.v1", "password_reset")] * 2,
    ]
    sending.send(api, env, somebody.id)
    assert [mail.subject for mail in mails.mails] == [
        "Verify your address",
        "Set another password",
        "Your password was changed",
    ]


def test_whoever_resets_a_password_is_not_held_back_by_guesses_at_the_old_one(
    api: Api, sent: tuple[Person, str]
) -> None:
    somebody, token = sent
    answers = [log_in(api, somebody, "not the password").status_code for _ in range(FREE)]
    assert answers == [401] * FREE
    assert reset(api, token).status_code == 204
    assert log_in(api, somebody, NEW).status_code == 200
    # As many are free again.
    assert [log_in(api, somebody, "wrong again").status_code for _ in range(FREE)] == [401] * FREE


def test_a_second_factor_stays_when_the_password_is_reset(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    somebody = person()
    app = enrol(api, somebody)
    begun = challenge(api, somebody)
    forgot(api, somebody.email)
    sending.send(api, env, somebody.id)
    assert reset(api, sending.token_to(mails, somebody.email)).status_code == 204
    # Neither the log-in that had begun is of use, nor the new password without the factor.
    assert verify(api, begun, code=app.code(1)).status_code == 410
    answer = log_in(api, somebody, NEW)
    assert (answer.status_code, "access_token" in answer.json) == (202, False)


def test_whoever_signed_up_with_somebody_else_s_address_is_out_when_its_owner_comes(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    intruder = person(verified=False)
    key = people.api_key(api, env, intruder)
    enrol(api, intruder)
    forgot(api, intruder.email)
    sending.send(api, env, intruder.id)
    assert reset(api, sending.token_to(mails, intruder.email)).status_code == 204
    answers = [api.user.get("/v1/me", token=each).status_code for each in (key.text, intruder.token)]
    assert answers == [401, 401]
    assert log_in(api, intruder, NEW).status_code == 200


def test_what_the_owner_of_a_verified_address_has_made_stays_when_the_password_is_reset(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    somebody = person()
    key = people.api_key(api, env, somebody)
    forgot(api, somebody.email)
    sending.send(api, env, somebody.id)
    assert reset(api, sending.token_to(mails, somebody.email)).status_code == 204
    assert api.user.get("/v1/me", token=key.text).status_code == 200


def test_a_password_that_can_not_be_used_leaves_the_token_good(api: Api, sent: tuple[Person, str]) -> None:
    somebody, token = sent
    for password in ("password1234", somebody.email):
        answer = reset(api, token, password)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json["errors"]] == ["/new_password"]
    assert reset(api, token).status_code == 204


def test_of_many_who_show_a_token_at_once_one_sets_the_password(api: Api, sent: tuple[Person, str]) -> None:
    somebody, token = sent
    wanted = [f"a long password {number}" for number in range(6)]
    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(lambda password: reset(api, token, password).status_code, wanted))
    assert sorted(answers) == [204] + [410] * 5
    assert log_in(api, somebody, wanted[answers.index(204)]).status_code == 200


def test_a_token_expires_and_another_takes_the_place_of_the_one_before(
    api: Api, env: Environment, sent: tuple[Person, str], mails: Catcher
) -> None:
    somebody, first = sent
    forgot(api, somebody.email)
    sending.send(api, env, somebody.id)
    second = sending.token_to(mails, somebody.email)
    assert reset(api, first).status_code == 410
    with env.transaction("user_psql", "migrator") as db:
        query = "update one_time_tokens set expires_at = expires_at - interval '10 minutes' where account_id = :id"
        db.execute(text(query), {"id": somebody.id})
    assert reset(api, second).status_code == 410
    assert log_in(api, somebody, somebody.password).status_code == 200


def test_known_and_unknown_addresses_are_answered_alike(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    somebody, nobody = person(), f"{uuid4().hex}@example.com"
    with env.transaction("user_psql", "relay") as db:
        before = db.scalar(text("select count(*) from outbox"))
    answers = [[forgot(api, email) for _ in range(FREE_MAILS + 1)] for email in (somebody.email, nobody)]
    told = [[(each.status_code, each.json["code"] if each.text else "") for each in those] for those in answers]
    assert told == [[(202, "")] * FREE_MAILS + [(429, "too_many_mails")]] * 2
    assert {each[-1].headers["Retry-After"] for each in answers} <= {"60", "59"}
    names = [{name for name, _ in each[0].headers} for each in answers]
    assert names[0] == names[1]
    with env.transaction("user_psql", "relay") as db:
        assert db.scalar(text("select count(*) from outbox")) == before + FREE_MAILS


def test_neither_address_nor_token_nor_password_is_in_a_log_or_an_event(
    api: Api, env: Environment, sent: tuple[Person, str], caplog: pytest.LogCaptureFixture
) -> None:
    somebody, token = sent
    with caplog.at_level(logging.DEBUG):
        forgot(api, somebody.email)
        told = [reset(api, token).text, reset(api, token).text, forgot(api, "nobody").text]
    with env.transaction("user_psql", "migrator") as db:
        told += [str(db.execute(text(f"select * from {table}")).all()) for table in ("outbox", "inbox", "guesses")]
    told.append(str([vars(record) for record in caplog.records]))
    for each in told:
        assert somebody.email not in each
        assert token not in each
        assert NEW not in each
