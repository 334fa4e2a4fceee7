"""Moving an account to another address."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.domain.accounts import accounts, administration, passwords
from functions.domain.accounts.throttling import FREE, FREE_MAILS
from functions.domain.databases import UserDb
from testing import mails as sending
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

USED = (410, "token_expired_or_used")


def somewhere() -> str:
    return f"{uuid4().hex}@example.org"


def ask(api: Api, somebody: Person, email: str, password: str | None = None, token: str | None = None) -> Response:
    body = {"email": email, "current_password": password or somebody.password}
    return api.user.post("/v1/me/email", json=body, token=token or somebody.token)


def use(api: Api, token: str) -> Response:
    return api.user.post("/v1/auth/email/confirm", json={"token": token})


def told(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


def log_in(api: Api, email: str, password: str = people.PASSWORD) -> Response:
    return api.user.post("/v1/auth/login", json={"email": email, "password": password})


def address_of(api: Api, somebody: Person) -> tuple[str, str | None]:
    me = api.user.get("/v1/me", token=somebody.token).json
    return me["email"], me["new_email"]


def said(env: Environment, somebody: Person) -> list[str]:
    with env.transaction("user_psql", "relay") as db:
        query = text("select type from outbox where data ->> 'account_id' = :id order by seq")
        return [each.removeprefix("com.botberi.") for each in db.scalars(query, {"id": somebody.id})]


@dataclass(frozen=True)
class Asked:
    """What somebody has asked for, and the tokens that were sent."""

    who: Person
    email: str
    proof: str
    consent: str


@pytest.fixture
def asked(api: Api, env: Environment, person: Callable[..., Person], mails: Catcher) -> Asked:
    ann, email = person(), somewhere()
    assert ask(api, ann, email).status_code == 202
    sending.send(api, env, ann.id)
    return Asked(ann, email, sending.token_to(mails, email), sending.token_to(mails, ann.email))


@pytest.mark.parametrize("proof_first", [True, False])
def test_the_address_changes_when_both_tokens_were_used(
    api: Api, env: Environment, asked: Asked, mails: Catcher, proof_first: bool
) -> None:
    other = log_in(api, asked.who.email).json["access_token"]
    tokens = [asked.proof, asked.consent] if proof_first else [asked.consent, asked.proof]
    assert address_of(api, asked.who) == (asked.who.email, asked.email)
    assert use(api, tokens[0]).json == {"changed": False}
    assert address_of(api, asked.who) == (asked.who.email, asked.email)
    assert use(api, tokens[1]).json == {"changed": True}
    assert address_of(api, asked.who) == (asked.email, None)
    assert [told(use(api, each)) for each in tokens] == [USED, USED]
    assert api.user.get("/v1/me", token=other).code == "session_revoked"
    assert (log_in(api, asked.email).status_code, log_in(api, asked.who.email).status_code) == (200, 401)
    assert said(env, asked.who)[-2:] == ["email.changed.v1", "session.revoked.v1"]
    sending.send(api, env, asked.who.id)
    last = [mails.last(each) for each in (asked.who.email, asked.email)]
    assert [mail and mail.subject for mail in last] == ["Your address was changed"] * 2


def test_an_address_that_was_never_verified_is_asked_and_told_nothing(
    api: Api, env: Environment, mails: Catcher
) -> None:
    ann, email = people.arrive(api, env, ("user",), verified=False), somewhere()
    assert ask(api, ann, email).status_code == 202
    assert address_of(api, ann) == (ann.email, email)
    sending.send(api, env, ann.id)
    assert use(api, sending.token_to(mails, email)).json == {"changed": True}
    assert address_of(api, ann) == (email, None)
    sending.send(api, env, ann.id)
    assert [mail.subject for mail in mails.mails if mail.to == email] == [
        "Confirm your new address",
        "Your address was changed",
    ]
    assert "consent" not in str([mail for mail in mails.mails if mail.to == ann.email])
    assert "Your address was changed" not in [mail.subject for mail in mails.mails if mail.to == ann.email]


def test_what_an_unverified_address_can_do_without_is_asked_again_once_it_is_verified(
    api: Api, env: Environment, mails: Catcher
) -> None:
    ann, email = people.arrive(api, env, ("user",), verified=False), somewhere()
    assert ask(api, ann, somewhere()).status_code == 202
    with env.transaction("user_psql", "admin") as db:
        accounts.set_verified(UserDb(db), ann.id)
    assert ask(api, ann, email).status_code == 202
    sending.send(api, env, ann.id)
    assert use(api, sending.token_to(mails, email)).json == {"changed": False}


def test_of_both_tokens_at_once_the_second_sees_the_first(api: Api, asked: Asked) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda token: use(api, token).json["changed"], [asked.proof, asked.consent]))
    assert sorted(answers) == [False, True]
    assert address_of(api, asked.who) == (asked.email, None)


def test_one_token_twice_is_no_two_tokens(api: Api, asked: Asked) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(each.status_code for each in pool.map(lambda token: use(api, token), [asked.proof] * 2))
    assert answers == [200, 410]
    assert address_of(api, asked.who) == (asked.who.email, asked.email)


@pytest.mark.parametrize("age", ["the request", "the token"])
def test_after_a_day_it_is_too_late(api: Api, env: Environment, asked: Asked, age: str) -> None:
    assert use(api, asked.proof).status_code == 200
    table = "email_changes" if age == "the request" else "one_time_tokens"
    with env.transaction("user_psql", "migrator") as db:
        statement = f"update {table} set expires_at = expires_at - interval '1 day' where account_id = :id"
        db.execute(text(statement), {"id": asked.who.id})
    assert told(use(api, asked.consent)) == USED
    assert address_of(api, asked.who)[0] == asked.who.email


def test_a_second_request_takes_the_place_of_the_first(
    api: Api, env: Environment, asked: Asked, mails: Catcher
) -> None:
    assert use(api, asked.proof).status_code == 200
    other = somewhere()
    assert ask(api, asked.who, other).status_code == 202
    assert [told(use(api, each)) for each in (asked.proof, asked.consent)] == [USED, USED]
    sending.send(api, env, asked.who.id)
    assert use(api, sending.token_to(mails, asked.who.email)).json == {"changed": False}
    assert use(api, sending.token_to(mails, other)).json == {"changed": True}
    assert address_of(api, asked.who) == (other, None)


def test_who_cancels_it_keeps_the_address(api: Api, env: Environment, asked: Asked) -> None:
    assert use(api, asked.consent).status_code == 200
    assert api.user.delete("/v1/me/email", token=asked.who.token).status_code == 204
    assert told(use(api, asked.proof)) == USED
    assert address_of(api, asked.who) == (asked.who.email, None)
    again = api.user.delete("/v1/me/email", token=asked.who.token)
    assert told(again) == (404, "email_change_not_found")
    assert said(env, asked.who)[-2:] == ["email.change_requested.v1", "email.change_cancelled.v1"]


def test_nobody_cancels_what_somebody_else_has_asked_for(api: Api, asked: Asked, person: Callable[..., Person]) -> None:
    assert api.user.delete("/v1/me/email", token=person().token).status_code == 404
    assert use(api, asked.proof).status_code == 200


@pytest.mark.parametrize("how", ["changed", "reset"])
def test_another_password_stops_it(api: Api, env: Environment, asked: Asked, mails: Catcher, how: str) -> None:
    if how == "changed":
        body = {"current_password": asked.who.password, "new_password": "a staple that nobody guesses"}
        assert api.user.put("/v1/me/password", json=body, token=asked.who.token).status_code == 204
    else:
        api.user.post("/v1/auth/password/forgot", json={"email": asked.who.email})
        sending.send(api, env, asked.who.id)
        body = {"token": sending.token_to(mails, asked.who.email), "new_password": "a staple that nobody guesses"}
        assert api.user.post("/v1/auth/password/reset", json=body).status_code == 204
    assert [told(use(api, each)) for each in (asked.proof, asked.consent)] == [USED, USED]


def test_what_was_sent_to_the_old_address_is_good_for_nothing_afterwards(
    api: Api, env: Environment, asked: Asked, mails: Catcher
) -> None:
    api.user.post("/v1/auth/password/forgot", json={"email": asked.who.email})
    sending.send(api, env, asked.who.id)
    token = sending.token_to(mails, asked.who.email)
    use(api, asked.proof)
    assert use(api, asked.consent).json == {"changed": True}
    body = {"token": token, "new_password": "a staple that nobody guesses"}
    assert told(api.user.post("/v1/auth/password/reset", json=body)) == USED


def test_a_suspended_account_keeps_its_address(api: Api, env: Environment, asked: Asked) -> None:
    assert use(api, asked.proof).status_code == 200
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), asked.who.id, "a test")
    assert told(use(api, asked.consent)) == USED


def test_the_owner_of_an_address_with_an_account_is_told_and_gets_no_token(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann, bob = person(), person()
    first, second = ask(api, ann, bob.email.upper()), ask(api, ann, somewhere())
    assert (first.status_code, first.text) == (second.status_code, second.text) == (202, "")
    assert ask(api, ann, bob.email).status_code == 202
    sending.send(api, env, ann.id)
    mail = mails.last(bob.email)
    assert mail is not None
    assert mail.subject == "This address has an account already"
    assert ann.email not in mail.text
    assert use(api, sending.token_to(mails, ann.email)).json == {"changed": False}
    assert address_of(api, ann) == (ann.email, bob.email)
    assert log_in(api, bob.email).status_code == 200


def test_an_address_that_has_an_account_by_then_stays_that_account_s(
    api: Api, env: Environment, asked: Asked, mails: Catcher
) -> None:
    with env.transaction("user_psql", "admin") as db:
        theirs = accounts.add(UserDb(db), asked.email, passwords.hashed("a staple that nobody guesses"))
    assert [use(api, each).json for each in (asked.proof, asked.consent)] == [{"changed": False}] * 2
    assert address_of(api, asked.who) == (asked.who.email, None)
    assert said(env, asked.who)[-1] == "email.change_refused.v1"
    sending.send(api, env, asked.who.id)
    mail = mails.last(asked.email)
    assert mail is not None
    assert mail.subject == "This address has an account already"
    with env.transaction("user_psql", "admin") as db:
        assert accounts.find_by_email(UserDb(db), asked.email).id == theirs.id


def test_the_password_is_needed_and_guesses_at_it_wait(api: Api, person: Callable[..., Person]) -> None:
    ann = person()
    answers = [told(ask(api, ann, somewhere(), "not the password")) for _ in range(FREE + 1)]
    assert answers == [(403, "current_password_wrong")] * FREE + [(429, "too_many_guesses")]
    assert address_of(api, ann) == (ann.email, None)


def test_mails_to_an_address_are_counted_whoever_asks(api: Api, person: Callable[..., Person]) -> None:
    email = somewhere()
    assert [ask(api, person(), email).status_code for _ in range(FREE_MAILS)] == [202] * FREE_MAILS
    assert told(ask(api, person(), email)) == (429, "too_many_mails")


def test_mails_to_one_s_own_address_are_counted(api: Api, person: Callable[..., Person]) -> None:
    ann = person()
    assert [ask(api, ann, somewhere()).status_code for _ in range(FREE_MAILS)] == [202] * FREE_MAILS
    assert told(ask(api, ann, somewhere())) == (429, "too_many_mails")


@pytest.mark.parametrize(
    ("email", "code"), [("nobody", "email_invalid"), ("ann@localhost", "email_invalid"), ("own", "email_unchanged")]
)
def test_an_address_that_can_not_be_is_a_422(api: Api, person: Callable[..., Person], email: str, code: str) -> None:
    ann = person()
    answer = ask(api, ann, ann.email.upper() if email == "own" else email)
    assert told(answer) == (422, code)
    assert [each["pointer"] for each in answer.json["errors"]] == ["/email"]


def test_an_old_log_in_a_program_and_one_factor_of_two_are_not_enough(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    assert told(ask(api, ann, somewhere(), token=key.text)) == (403, "session_required")
    old = people.logged_in(ann, age=11 * 60)
    assert told(ask(api, ann, somewhere(), token=old)) == (401, "reauthentication_required")
    enrol(api, ann)
    assert told(ask(api, ann, somewhere(), token=people.logged_in(ann, aal=1))) == (403, "insufficient_aal")
    assert ask(api, ann, somewhere(), token=people.logged_in(ann, aal=2)).status_code == 202


@pytest.mark.parametrize("token", ["", "x", "x" * 129, "\x00"])
def test_what_is_no_token_is_refused(api: Api, token: str) -> None:
    assert use(api, token).status_code == (410 if token == "x" else 422)


def test_a_token_for_something_else_changes_nothing(api: Api, env: Environment, asked: Asked, mails: Catcher) -> None:
    api.user.post("/v1/auth/password/forgot", json={"email": asked.who.email})
    sending.send(api, env, asked.who.id)
    assert told(use(api, sending.token_to(mails, asked.who.email))) == USED
    assert told(api.user.post("/v1/auth/verify-email", json={"token": asked.proof})) == USED


def test_neither_address_nor_token_is_in_a_log_or_an_event(
    api: Api, env: Environment, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        texts = [use(api, asked.proof).text, use(api, asked.proof).text, use(api, asked.consent).text]
        sending.send(api, env, asked.who.id)
    texts.append(str([vars(record) for record in caplog.records if record.name != "mail.log"]))
    with env.transaction("user_psql", "migrator") as db:
        texts += [str(db.execute(text(f"select * from {table}")).all()) for table in ("outbox", "inbox", "guesses")]
    for each in texts:
        assert not [secret for secret in (asked.email, asked.who.email, asked.proof, asked.consent) if secret in each]
