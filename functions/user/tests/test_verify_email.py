from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from testing import mails as sending
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher


@pytest.fixture
def sent(api: Api, env: Environment, person: Callable[..., Person], mails: Catcher) -> tuple[Person, str]:
    """Somebody who has just signed up, and the token that was sent to them."""
    somebody = person(verified=False)
    sending.send(api, env, somebody.id)
    return somebody, sending.token_to(mails, somebody.email)


def verify(api: Api, token: str) -> Response:
    return api.user.post("/v1/auth/verify-email", json={"token": token})


def resend(api: Api, email: str) -> Response:
    return api.user.post("/v1/auth/verify-email/resend", json={"email": email})


def is_verified(api: Api, somebody: Person) -> bool:
    return bool(api.user.get("/v1/me", token=somebody.token).json["email_verified"])


def said(env: Environment, account_id: str) -> list[str]:
    with env.transaction("user_psql", "relay") as db:
        query = text("select type from outbox where data ->> 'account_id' = :id order by seq")
        return [kind.removeprefix("com.botberi.").removesuffix(".v1") for kind in db.scalars(query, {"id": account_id})]


def test_the_token_of_the_mail_verifies_the_address_once(api: Api, env: Environment, sent: tuple[Person, str]) -> None:
    somebody, token = sent
    assert not is_verified(api, somebody)
    assert verify(api, token).status_code == 204
    assert is_verified(api, somebody)
    again = verify(api, token)
    assert (again.status_code, again.json["code"]) == (410, "token_expired_or_used")
    assert said(env, somebody.id)[-1] == "email.verified"
    with env.transaction("user_psql", "relay") as db:
        assert db.scalar(text("select actor from outbox order by seq desc limit 1")) == somebody.id


def test_of_many_who_show_a_token_at_once_one_is_let_through(
    api: Api, env: Environment, sent: tuple[Person, str]
) -> None:
    somebody, token = sent
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: verify(api, token).status_code, range(8)))
    assert sorted(answers) == [204] + [410] * 7
    assert said(env, somebody.id).count("email.verified") == 1


def test_an_expired_token_and_what_is_none_are_gone(api: Api, env: Environment, sent: tuple[Person, str]) -> None:
    somebody, token = sent
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update one_time_tokens set expires_at = now() where account_id = :id"), {"id": somebody.id})
    answers = [verify(api, each) for each in (token, "x", "🔑", "x" * 128)]
    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(410, "token_expired_or_used")}
    assert not is_verified(api, somebody)


def test_a_token_of_another_purpose_verifies_nothing(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    somebody = person()
    api.user.post("/v1/auth/password/forgot", json={"email": somebody.email})
    sending.send(api, env, somebody.id)
    assert verify(api, sending.token_to(mails, somebody.email)).status_code == 410


def test_another_mail_has_another_token_and_the_one_before_is_good_no_more(
    api: Api, env: Environment, sent: tuple[Person, str], mails: Catcher
) -> None:
    somebody, token = sent
    answer = resend(api, somebody.email.upper())
    assert (answer.status_code, answer.text) == (202, "")
    sending.send(api, env, somebody.id)
    assert verify(api, token).status_code == 410
    assert verify(api, sending.token_to(mails, somebody.email)).status_code == 204


def test_who_is_verified_or_unknown_is_answered_alike_and_sent_nothing(
    api: Api, env: Environment, sent: tuple[Person, str]
) -> None:
    somebody, token = sent
    verify(api, token)
    answers = [resend(api, email) for email in (somebody.email, "nobody@example.com")]
    assert [(answer.status_code, answer.text) for answer in answers] == [(202, "")] * 2
    assert "email.verification_requested" not in said(env, somebody.id)


def test_what_is_no_address_is_said(api: Api) -> None:
    answer = resend(api, "nobody")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/email")
