"""Whoever hasn't verified their address reads, and launches and starts nothing."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from functions.domain import verified_accounts
from testing import mails as sending
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

Somebody = Callable[..., Person]
KNOWN = "com.botberi.email.verified.v1"


@pytest.fixture
def agent(publish: Callable[..., str]) -> str:
    return publish()


@pytest.fixture
def newcomer(person: Somebody) -> Person:
    return person(verified=False)


@pytest.fixture
def stopped(api: Api, env: Environment, newcomer: Person, agent: str, monkeypatch: pytest.MonkeyPatch) -> Launched:
    """An instance of somebody whose address isn't verified, from a time when nobody asked for that."""
    with monkeypatch.context() as before:
        before.setenv(verified_accounts.SETTING, verified_accounts.OFF)
        made = launch(api, newcomer.token, agent)
    assert made.status_code == 201, made.text
    instance = Launched(made.json["id"], newcomer, api, env)
    assert instance.ask("stop").status_code == 202
    return instance


def launch(api: Api, token: str, agent: str, query: str = "") -> Response:
    return api.user.post(f"/v1/instances{query}", json={"agent": agent, "name": "Mine"}, token=token)


def learn(api: Api, env: Environment, account_id: str) -> int:
    """Deliver what was said of an account's being verified, each twice; return how often it was said."""
    query = text("select id from outbox where type = :type and subject = :id")
    with env.transaction("user_psql", "migrator") as db:
        said = list(db.scalars(query, {"type": KNOWN, "id": account_id}))
    for event_id in [each for each in said for _ in range(2)]:
        told = {"id": event_id, "type": KNOWN, "subject": account_id, "data": {"account_id": account_id}}
        rest = {"specversion": "1.0", "source": "/botberi/user_psql", "time": "2026-01-01T00:00:00Z"}
        assert api.deliver("record_verified_account", told | rest).status_code == 200
    return len(said)


def may_launch(api: Api, somebody: Person) -> bool:
    return bool(api.user.get("/v1/me/usage", token=somebody.token).json["may_launch"])


@pytest.mark.parametrize("query", ["", "?validate_only=true"])
def test_who_has_not_verified_their_address_launches_nothing_and_is_told_what_to_do(
    api: Api, newcomer: Person, agent: str, query: str
) -> None:
    answer = launch(api, newcomer.token, agent, query)
    assert (answer.status_code, answer.code) == (403, "email_unverified")
    assert "/v1/auth/verify-email/resend" in answer.json["detail"]
    assert api.user.get("/v1/instances", token=newcomer.token).json["items"] == []


def test_they_log_in_and_read(api: Api, newcomer: Person) -> None:
    paths = ["/v1/me", "/v1/me/sessions", "/v1/me/usage", "/v1/instances", "/v1/agents"]
    assert [api.user.get(path, token=newcomer.token).status_code for path in paths] == [200] * len(paths)
    assert not may_launch(api, newcomer)
    assert api.user.get("/v1/me", token=newcomer.token).json["email_verified"] is False


def test_neither_do_their_programs(api: Api, env: Environment, newcomer: Person, agent: str) -> None:
    key = people.api_key(api, env, newcomer)
    assert launch(api, key.text, agent).code == "email_unverified"


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_what_they_had_before_is_started_no_more_and_may_be_deleted(stopped: Launched, verb: str) -> None:
    answer = stopped.ask(verb)
    assert (answer.status_code, answer.code) == (403, "email_unverified")
    assert stopped.read()["desired_state"] == "stopped"
    assert stopped.ask("delete").status_code == 202


def test_what_is_somebody_else_s_is_not_there_for_them(api: Api, person: Somebody, stopped: Launched) -> None:
    other = person(verified=False)
    answers = [api.user.post(f"{stopped.path}/{verb}", token=other.token) for verb in ("start", "restart")]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_who_shows_the_token_of_the_mail_launches(
    api: Api, env: Environment, newcomer: Person, agent: str, mails: Catcher
) -> None:
    sending.send(api, env, newcomer.id)
    shown = {"token": sending.token_to(mails, newcomer.email)}
    assert api.user.post("/v1/auth/verify-email", json=shown).status_code == 204
    assert learn(api, env, newcomer.id) == 1
    assert may_launch(api, newcomer)
    assert launch(api, newcomer.token, agent).status_code == 201


def test_so_does_who_sets_a_forgotten_password(
    api: Api, env: Environment, newcomer: Person, agent: str, mails: Catcher
) -> None:
    api.user.post("/v1/auth/password/forgot", json={"email": newcomer.email})
    sending.send(api, env, newcomer.id)
    wanted = {"token": sending.token_to(mails, newcomer.email), "new_password": "another good long password"}
    assert api.user.post("/v1/auth/password/reset", json=wanted).status_code == 204
    assert learn(api, env, newcomer.id) == 1
    login = {"email": newcomer.email, "password": wanted["new_password"]}
    token = api.user.post("/v1/auth/login", json=login).json["access_token"]
    assert launch(api, token, agent).status_code == 201


def test_so_does_whom_an_administrator_vouches_for(api: Api, env: Environment, newcomer: Person, agent: str) -> None:
    told = [CliRunner().invoke(botberi, ["users", "verify", newcomer.email]).output for _ in range(2)]
    assert told == [f"{newcomer.id} is verified\n", f"{newcomer.id} was verified before\n"]
    assert learn(api, env, newcomer.id) == 1
    assert launch(api, newcomer.token, agent).status_code == 201
    assert api.user.get("/v1/me", token=newcomer.token).json["email_verified"] is True


def test_one_account_s_address_is_not_another_s(api: Api, person: Somebody, newcomer: Person, agent: str) -> None:
    assert launch(api, person().token, agent).status_code == 201
    assert launch(api, newcomer.token, agent).status_code == 403


@pytest.mark.parametrize(("value", "status"), [("off", 201), ("", 403), ("required", 403), ("OFF", 403), ("no", 403)])
def test_an_installation_does_without_if_it_says_so_and_not_by_mistake(
    api: Api, newcomer: Person, agent: str, monkeypatch: pytest.MonkeyPatch, value: str, status: int
) -> None:
    monkeypatch.setenv(verified_accounts.SETTING, value)
    assert launch(api, newcomer.token, agent).status_code == status
    assert may_launch(api, newcomer) is (status == 201)
