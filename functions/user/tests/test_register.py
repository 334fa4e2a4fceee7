import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from functions.domain.accounts.throttling import FREE_MAILS, FREE_MAILS_OF_NETWORK
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

PASSWORD = "a good long password"
REPEATED = "com.botberi.registration.repeated.v1"
REGISTERED = "com.botberi.account.registered.v1"


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def new_address() -> str:
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.1"


def sign_up(api: Api, email: str, password: str = PASSWORD, address: str | None = None) -> Response:
    """Sign up, from an address of one's own unless one is given."""
    headers = {"X-Forwarded-For": address or new_address()}
    return api.user.post("/v1/auth/register", json={"email": email, "password": password}, headers=headers)


def log_in(api: Api, email: str, password: str = PASSWORD) -> Response:
    return api.user.post("/v1/auth/login", json={"email": email, "password": password})


def said(env: Environment, account_id: str) -> list[tuple[str, str]]:
    with env.transaction("user_psql", "relay") as db:
        query = text("select type, actor from outbox where data ->> 'account_id' = :id order by seq")
        return [(row.type, row.actor) for row in db.execute(query, {"id": account_id})]


def row(env: Environment, email: str) -> tuple[object, ...]:
    """Return all that is kept of the one account with an address."""
    with env.transaction("user_psql", "migrator") as db:
        return tuple(db.execute(text("select * from accounts where email = :email"), {"email": email}).one())


def test_who_registers_has_an_account_with_the_scope_user(api: Api) -> None:
    email = new_email()
    answer = sign_up(api, email.upper())
    assert (answer.status_code, answer.json) == (202, {"status": "verification_sent"})
    me = api.user.get("/v1/me", token=log_in(api, email).json["access_token"]).json
    assert me["id"].startswith("usr_")
    assert (me["email"], me["scopes"], me["email_verified"]) == (email, ["user"], False)


def test_a_registration_is_said_once_by_the_account_itself(api: Api, env: Environment) -> None:
    email = new_email()
    sign_up(api, email)
    account_id = str(row(env, email)[0])
    assert said(env, account_id) == [(REGISTERED, account_id)]


@pytest.mark.parametrize("suspended", [False, True])
def test_an_address_that_has_an_account_is_answered_alike_and_keeps_it(
    api: Api, env: Environment, person: Callable[..., Person], suspended: bool
) -> None:
    somebody, nobody, address = person(), new_email(), new_address()
    with env.transaction("user_psql", "migrator") as db:
        change = text("update accounts set suspended = :suspended where id = :id")
        db.execute(change, {"suspended": suspended, "id": somebody.id})
    before = row(env, somebody.email)
    answers = [sign_up(api, email, address=address) for email in (somebody.email.title(), nobody)]
    assert [(each.status_code, each.text) for each in answers] == [(202, answers[0].text)] * 2
    names = [{name for name, _ in each.headers} for each in answers]
    assert names[0] == names[1]
    assert row(env, somebody.email) == before
    assert said(env, somebody.id)[-1] == (REPEATED, "system")
    assert log_in(api, somebody.email, PASSWORD).code == "credentials_wrong"


def test_a_second_time_is_no_other_account_and_no_other_password(api: Api, env: Environment) -> None:
    email = new_email()
    answers = [sign_up(api, email, password) for password in (PASSWORD, "another good password")]
    assert {(each.status_code, each.text) for each in answers} == {(202, answers[0].text)}
    assert log_in(api, email).status_code == 200
    assert log_in(api, email, "another good password").status_code == 401
    account_id = str(row(env, email)[0])
    assert [kind for kind, _ in said(env, account_id)[:2]] == [REGISTERED, REPEATED]


def test_of_many_who_sign_up_with_an_address_at_once_one_has_the_account(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.domain.accounts.throttling.count_mail", lambda *_: None)
    email = new_email()
    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(lambda number: sign_up(api, email, f"{PASSWORD} {number}").status_code, range(6)))
    assert answers == [202] * 6
    let_in = [log_in(api, email, f"{PASSWORD} {number}").status_code for number in range(6)]
    assert let_in.count(200) == 1
    kinds = [kind for kind, _ in said(env, str(row(env, email)[0]))]
    assert (kinds.count(REGISTERED), kinds.count(REPEATED)) == (1, 5)


def test_nothing_is_left_of_what_is_written_for_an_address_that_is_known(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    def kept() -> list[str]:
        with env.transaction("user_psql", "migrator") as db:
            return list(db.scalars(text("select email from accounts order by email")))

    somebody = person()
    before = kept()
    sign_up(api, somebody.email)
    assert kept() == before


def test_known_and_unknown_addresses_wait_alike(api: Api, person: Callable[..., Person]) -> None:
    answers = [[sign_up(api, email) for _ in range(FREE_MAILS + 1)] for email in (person().email, new_email())]
    told = [[(each.status_code, each.json.get("code", "")) for each in those] for those in answers]
    assert told == [[(202, "")] * FREE_MAILS + [(429, "too_many_mails")]] * 2
    assert {each[-1].headers["Retry-After"] for each in answers} <= {"60", "59"}


def test_a_network_signs_up_no_more_often_than_it_may(api: Api) -> None:
    address = new_address()
    answers = [sign_up(api, new_email(), address=address).status_code for _ in range(FREE_MAILS_OF_NETWORK + 1)]
    assert answers == [202] * FREE_MAILS_OF_NETWORK + [429]
    assert sign_up(api, new_email()).status_code == 202


@pytest.mark.parametrize("password", ["password1234", "eleven char", "hahahahahahaha"])
def test_a_password_that_can_not_be_used_is_refused_alike(
    api: Api, person: Callable[..., Person], password: str
) -> None:
    answers = [sign_up(api, email, password) for email in (person().email, new_email())]
    told = [(each.status_code, each.json["code"], each.json["errors"]) for each in answers]
    assert told[0] == told[1]
    assert told[0][0] == 422


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann-{}@Bücher.example", "ann-{}@xn--bcher-kva.example"),
        ("ann-{}@xn--bcher-kva.example", "ann-{}@BÜCHER.example"),
        ("\uff41nn-{}\uff20example\uff0ecom", "ann-{}@example.com"),
    ],
)
def test_an_address_has_one_account_however_it_is_written(api: Api, env: Environment, one: str, other: str) -> None:
    tag = secrets.token_hex(8)
    answers = [sign_up(api, each.format(tag)).status_code for each in (one, other)]
    assert answers == [202, 202]
    me = api.user.get("/v1/me", token=log_in(api, other.format(tag)).json["access_token"]).json
    assert me["email"] == other.format(tag).lower().replace("bücher", "xn--bcher-kva")
    assert [kind for kind, _ in said(env, me["id"])] == [REGISTERED, REPEATED]


def test_neither_address_nor_password_is_in_a_log_or_an_event(
    api: Api, env: Environment, person: Callable[..., Person], caplog: pytest.LogCaptureFixture
) -> None:
    somebody, nobody = person(), new_email()
    with caplog.at_level(logging.DEBUG):
        told = [sign_up(api, email).text for email in (somebody.email, nobody)]
    with env.transaction("user_psql", "migrator") as db:
        told += [str(db.execute(text(f"select * from {table}")).all()) for table in ("outbox", "guesses")]
    told.append(str([vars(record) for record in caplog.records]))
    assert [each for each in told for canary in (somebody.email, nobody, PASSWORD) if canary in each] == []


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
    answer = sign_up(api, email, email.upper())
    assert (answer.status_code, answer.json["code"]) == (422, "password_unfit")
    assert [error["code"] for error in answer.json["errors"]] == ["password_is_email"]
