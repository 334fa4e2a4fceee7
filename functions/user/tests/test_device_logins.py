"""Logging in from a program without a browser: somebody elsewhere approves its code."""

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from sqlalchemy import text

from functions.domain import pruning
from functions.domain.accounts import administration
from functions.domain.accounts.device_logins import ALPHABET
from functions.domain.accounts.throttling import FREE
from functions.domain.databases import UserDb
from testing import mails as sending
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher

Somebody = Callable[..., Person]

TOOL = {"User-Agent": "build-tool/2.1", "X-Forwarded-For": "203.0.113.9"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Program:
    """A program that waits for somebody to approve it."""

    api: Api
    env: Environment
    told: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.told["user_code"])

    def ask(self, **changes: str) -> Response:
        body = {"grant_type": GRANT, "device_code": self.told["device_code"], "client_id": "build-tool", **changes}
        return self.api.user.post("/v1/auth/device/token", json=body, headers=TOOL)

    def wait(self, seconds: int = 5) -> None:
        """Let time have passed since it last asked."""
        self.change("asked_at = asked_at - make_interval(secs => :value)", seconds)

    def change(self, what: str, value: object = None) -> None:
        query = text(f"update device_logins set {what} where device_code_hash = sha256(:code)")
        with self.env.transaction("user_psql", "migrator") as db:
            db.execute(query, {"code": str(self.told["device_code"]).encode(), "value": value})


@pytest.fixture
def program(api: Api, env: Environment) -> Program:
    return begin(api, env)


def begin(api: Api, env: Environment) -> Program:
    begun = api.user.post("/v1/auth/device", json={"client_id": "build-tool"}, headers=TOOL)
    assert begun.status_code == 200, begun.text
    return Program(api, env, begun.json)


def decide(api: Api, somebody: Person, code: str, decision: str | None = "approve", token: str = "") -> Response:
    body = {"user_code": code} | ({"decision": decision} if decision else {})
    return api.user.post("/v1/auth/device/approve", json=body, token=token or somebody.token)


def error(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def said(env: Environment, somebody: Person) -> list[dict[str, Any]]:
    query = text("select data from outbox where type = 'com.botberi.device.approved.v1' and subject = :id")
    with env.transaction("user_psql", "relay") as db:
        return list(db.scalars(query, {"id": somebody.id}))


def test_a_program_has_a_session_once_somebody_approves_its_code(
    api: Api, env: Environment, program: Program, person: Somebody
) -> None:
    somebody = person()
    assert error(program.ask()) == (400, "authorization_pending")
    assert decide(api, somebody, program.code).status_code == 200
    program.wait()
    pair = program.ask().json
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 600, "user")
    assert api.user.get("/v1/me", token=pair["access_token"]).json["id"] == somebody.id
    [newest, _] = api.user.get("/v1/me/sessions", token=somebody.token).json["items"]
    assert (newest["device"], newest["network"]) == ("build-tool/2.1", "203.0.113.0/24")
    assert api.user.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).status_code == 200
    assert said(env, somebody) == [{"account_id": somebody.id}]


def test_what_is_told_of_a_code(program: Program) -> None:
    told = program.told
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", program.code)
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert told["verification_uri"].endswith("/device")
    assert told["verification_uri_complete"] == f"{told['verification_uri']}#user_code={program.code}"


def test_where_there_is_an_application_the_page_is_there(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_URL", "https://app.example.com/")
    assert begin(api, env).told["verification_uri"] == "https://app.example.com/device"


def test_a_client_of_the_rfc_sends_forms(api: Api, env: Environment, person: Somebody) -> None:
    def post(path: str, **fields: str) -> Response:
        return api.user.post(path, data=urlencode(fields).encode(), headers=FORM)

    told = post("/v1/auth/device", client_id="a tool", scope="whatever", empty="").json
    assert decide(api, person(), told["user_code"]).json["client"] == "a tool"
    grant = {"grant_type": GRANT, "device_code": told["device_code"]}
    assert post("/v1/auth/device/token", **grant, client_id="a tool").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"client_id=", b"client_id=a&client_id=b", b"client_id=%ff", b"client_id=%00", b"client_id=%E2%80%8B"),
        b"client_id=" + b"x" * 70,
        b"&".join(b"field%d=1" % each for each in range(200)),
    ],
)
def test_a_form_that_is_none_is_an_invalid_request(api: Api, body: bytes) -> None:
    assert error(api.user.post("/v1/auth/device", data=body, headers=FORM)) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_id": "another"}, "invalid_grant"),
        ({"device_code": "dev_" + "A" * 43}, "invalid_grant"),
        ({"device_code": ""}, "invalid_request"),
    ],
)
def test_what_is_refused_is_said_in_the_words_of_oauth(program: Program, changes: dict[str, str], code: str) -> None:
    answer = program.ask(**changes)
    assert error(answer) == (400, code)
    assert answer.json["error_description"]


def test_who_asks_too_often_has_to_wait_longer_from_then_on(program: Program) -> None:
    asked = [error(program.ask())[1] for _ in range(3)]
    assert asked == ["authorization_pending", "slow_down", "slow_down"]
    program.wait(14)
    assert error(program.ask())[1] == "slow_down"
    program.wait(20)
    assert error(program.ask())[1] == "authorization_pending"


def test_a_code_that_was_denied_is_of_no_use(api: Api, env: Environment, program: Program, person: Somebody) -> None:
    somebody = person()
    assert decide(api, somebody, program.code, "deny").status_code == 200
    assert [error(program.ask()) for _ in range(2)] == [(400, "access_denied")] * 2
    assert decide(api, somebody, program.code).code == "user_code_not_found"
    assert said(env, somebody) == []


def test_a_code_is_good_for_ten_minutes(api: Api, program: Program, person: Somebody) -> None:
    program.change("expires_at = now()")
    assert decide(api, person(), program.code).code == "user_code_not_found"
    assert error(program.ask()) == (400, "expired_token")


def test_what_was_approved_is_to_be_fetched_in_time(api: Api, program: Program, person: Somebody) -> None:
    decide(api, person(), program.code)
    program.change("expires_at = now()")
    assert error(program.ask()) == (400, "expired_token")


def test_a_code_is_approved_once(api: Api, env: Environment, program: Program, person: Somebody) -> None:
    both = [person(), person()]
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(lambda each: decide(api, each, program.code).status_code, both))
    assert statuses == [200, 404]
    assert len(said(env, both[0]) + said(env, both[1])) == 1


def test_of_many_who_ask_at_once_one_has_the_session(api: Api, program: Program, person: Somebody) -> None:
    decide(api, person(), program.code)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: program.ask().status_code, range(4)))
    assert statuses == [200, 400, 400, 400]
    assert error(program.ask()) == (400, "invalid_grant")


def test_whoever_approves_sees_first_who_asks(api: Api, program: Program, person: Somebody) -> None:
    shown = decide(api, person(), program.code, None).json
    assert (shown["client"], shown["device"], shown["network"]) == ("build-tool", "build-tool/2.1", "203.0.113.0/24")
    assert error(program.ask()) == (400, "authorization_pending")


def test_how_a_code_is_written_makes_no_difference(api: Api, program: Program, person: Somebody) -> None:
    assert decide(api, person(), f" {program.code.replace('-', ' ').lower()}").status_code == 200


def test_codes_are_not_to_be_guessed(api: Api, program: Program, person: Somebody) -> None:
    somebody = person()
    # To have been right about a code of one's own makes up for none of the guesses.
    wrong = "BBBB-BBBB"
    codes = [*[wrong] * (FREE - 2), program.code, wrong, wrong, wrong]
    decisions = [decide(api, somebody, code, None) for code in codes]
    assert [each.status_code for each in decisions] == [*[404] * (FREE - 2), 200, 404, 404, 429]
    assert int(decisions[-1].headers["Retry-After"]) >= 1
    assert decide(api, person(), program.code, None).status_code == 200


def test_the_session_has_one_factor_and_whoever_approves_as_many_as_the_account(
    api: Api, program: Program, person: Somebody
) -> None:
    somebody = person()
    enrol(api, somebody)
    assert decide(api, somebody, program.code).code == "insufficient_aal"
    assert decide(api, somebody, program.code, token=people.logged_in(somebody)).status_code == 200
    claims = jwt.decode(program.ask().json["access_token"], options={"verify_signature": False})
    assert claims["acr"] == "aal1"


def test_to_approve_takes_a_recent_log_in_and_no_key(
    api: Api, env: Environment, program: Program, person: Somebody
) -> None:
    somebody = person()
    key = people.api_key(api, env, somebody)
    assert decide(api, somebody, program.code, token=key.text).code == "session_required"
    old = people.logged_in(somebody, aal=1, age=700)
    assert decide(api, somebody, program.code, token=old).code == "reauthentication_required"
    nobody = api.user.post("/v1/auth/device/approve", json={"user_code": program.code})
    assert nobody.code == "unauthenticated"


def test_somebody_suspended_can_not_approve(api: Api, env: Environment, program: Program, person: Somebody) -> None:
    somebody = person()
    suspend(env, somebody)
    assert decide(api, somebody, program.code).code == "session_revoked"
    assert error(program.ask()) == (400, "authorization_pending")


def test_who_is_suspended_after_approving_has_no_session(
    api: Api, env: Environment, program: Program, person: Somebody
) -> None:
    somebody = person()
    decide(api, somebody, program.code)
    suspend(env, somebody)
    assert error(program.ask()) == (400, "invalid_grant")


def suspend(env: Environment, somebody: Person) -> None:
    with env.transaction("user_psql", "admin") as db:
        assert administration.suspend(UserDb(db), somebody.id, "a test")


@pytest.mark.parametrize("which", ["others", "all"])
def test_logging_out_elsewhere_withdraws_what_was_approved(
    api: Api, program: Program, person: Somebody, which: str
) -> None:
    somebody = person()
    decide(api, somebody, program.code)
    assert api.user.post(f"/v1/auth/logout?sessions={which}", token=somebody.token).status_code == 204
    assert error(program.ask()) == (400, "invalid_grant")


def test_the_owner_is_told_by_mail(
    api: Api, env: Environment, program: Program, person: Somebody, mails: Catcher
) -> None:
    somebody = person()
    decide(api, somebody, program.code)
    sending.send(api, env, somebody.id)
    mail = mails.last(somebody.email)
    assert mail is not None
    assert mail.subject == "A device may log in to your account"
    assert program.code not in mail.text


def test_codes_are_kept_as_hashes_and_told_to_nobody(
    api: Api, env: Environment, program: Program, person: Somebody, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        decide(api, person(), program.code)
        program.ask()
        waiting = begin(api, env)
    with env.transaction("user_psql", "migrator") as db:
        kept = str(db.execute(text("select device_logins::text from device_logins")).all())
        kept += str(db.scalars(text("select data::text from outbox")).all())
    for each in (program, waiting):
        for secret in (each.told["device_code"], each.code, each.code.replace("-", "")):
            assert secret not in kept + caplog.text


def test_what_has_expired_is_forgotten(env: Environment, program: Program) -> None:
    program.change("expires_at = now() - interval '1 second'")
    with env.transaction("user_psql", "subscribers") as db:
        assert pruning.forget_device_logins(UserDb(db)) >= 1
    assert error(program.ask()) == (400, "invalid_grant")
