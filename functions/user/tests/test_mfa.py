"""A log-in of two factors, from the first code of an app until it is removed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from functions.domain.accounts import accounts, challenges
from functions.domain.accounts.throttling import FREE
from functions.domain.databases import UserDb
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import App, challenge, enrol, forget_steps, verify
from testing.people import Person

Somebody = Callable[..., Person]


@pytest.fixture
def app(api: Api, person: Somebody) -> App:
    return enrol(api, person())


def said(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def pair(api: Api, app: App, **proof: str) -> dict[str, Any]:
    """Log in with two factors, by default with the next code of the app."""
    answer = verify(api, challenge(api, app.somebody), **(proof or {"code": app.code(1)}))
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_an_account_with_an_app_logs_in_with_its_code_too(api: Api, app: App) -> None:
    opened = pair(api, app)
    assert said(opened["access_token"])["acr"] == "aal2"
    assert api.user.get("/v1/me", token=opened["access_token"]).json["id"] == app.somebody.id
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": opened["refresh_token"]}).json
    again = said(refreshed["access_token"])
    assert (again["acr"], again["auth_time"]) == ("aal2", said(opened["access_token"])["auth_time"])


def test_the_session_that_adds_an_app_has_two_factors_and_the_others_end(api: Api, person: Somebody) -> None:
    somebody = person()
    login = {"email": somebody.email, "password": somebody.password}
    other = api.user.post("/v1/auth/login", json=login).json["access_token"]
    enrol(api, somebody)
    assert api.user.get("/v1/me", token=other).code == "session_revoked"
    assert said(somebody.token)["acr"] == "aal1"
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": somebody.refresh_token}).json
    assert said(refreshed["access_token"])["acr"] == "aal2"


def test_an_app_that_is_not_confirmed_changes_nothing(api: Api, person: Somebody) -> None:
    somebody = person()
    begun = api.user.post("/v1/me/mfa/totp", token=somebody.token)
    assert begun.json["secret"] in begun.json["otpauth_uri"]
    assert begun.json["qr_code"].startswith("<svg")
    login = api.user.post("/v1/auth/login", json={"email": somebody.email, "password": somebody.password})
    assert login.status_code == 200
    assert api.user.get("/v1/me/mfa", token=somebody.token).json == {
        "totp": False,
        "passkeys": 0,
        "recovery_codes_left": 0,
    }


def test_a_code_is_good_once_for_whatever_it_was_used(api: Api, app: App) -> None:
    used = app.code(1)
    pair(api, app, code=used)
    again = verify(api, challenge(api, app.somebody), code=used)
    assert (again.status_code, again.code) == (401, "second_factor_wrong")


def test_a_recovery_code_is_good_once(api: Api, app: App) -> None:
    first, *_ = app.recovery_codes
    token = pair(api, app, recovery_code=first)["access_token"]
    assert said(token)["acr"] == "aal2"
    assert verify(api, challenge(api, app.somebody), recovery_code=first).code == "second_factor_wrong"
    assert api.user.get("/v1/me/mfa", token=token).json == {"totp": True, "passkeys": 0, "recovery_codes_left": 9}


def test_a_challenge_is_met_once_and_stays_good_after_a_wrong_code(api: Api, app: App) -> None:
    given = challenge(api, app.somebody)
    assert verify(api, given, recovery_code="no-code").code == "second_factor_wrong"
    assert verify(api, given, code=app.code(1)).status_code == 200
    again = verify(api, given, recovery_code=app.recovery_codes[0])
    assert (again.status_code, again.code) == (410, "challenge_expired")


def test_of_many_who_meet_a_challenge_at_once_one_gets_in(api: Api, app: App) -> None:
    given = challenge(api, app.somebody)
    proofs = [{"code": app.code(1)}, *({"recovery_code": each} for each in app.recovery_codes[:3])]
    with ThreadPoolExecutor(len(proofs)) as many:
        statuses = sorted(many.map(lambda proof: verify(api, given, **proof).status_code, proofs))
    assert statuses == [200, 410, 410, 410]


@pytest.mark.parametrize("given", ["mfa_x", "x" * 128, "mfa_" + "A" * 43])
def test_a_made_up_challenge_is_gone(api: Api, given: str) -> None:
    assert verify(api, given, code="000000").code == "challenge_expired"


def test_a_challenge_lasts_for_five_minutes(api: Api, app: App, env: Environment) -> None:
    given = challenge(api, app.somebody)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update mfa_challenges set expires_at = now() where account_id = :id"), {"id": app.somebody.id})
    assert verify(api, given, code=app.code(1)).code == "challenge_expired"


def test_a_challenge_is_met_by_the_codes_of_its_own_account_alone(api: Api, app: App, person: Somebody) -> None:
    other = enrol(api, person())
    given = challenge(api, app.somebody)
    for proof in ({"code": other.code(1)}, {"recovery_code": other.recovery_codes[0]}):
        assert verify(api, given, **proof).code == "second_factor_wrong"
    assert said(verify(api, given, code=app.code(1)).json["access_token"])["sub"] == app.somebody.id


def test_a_challenge_is_no_token_and_kept_as_its_hash(api: Api, app: App, env: Environment) -> None:
    given = challenge(api, app.somebody)
    assert api.user.get("/v1/me", token=given).code == "unauthenticated"
    assert api.user.post("/v1/auth/refresh", json={"refresh_token": given}).code == "refresh_token_invalid"
    with env.transaction("user_psql", "migrator") as db:
        kept = db.scalars(text("select encode(challenge_hash, 'escape') from mfa_challenges")).all()
    assert kept
    assert given not in str(kept)


def test_what_ends_every_session_ends_log_ins_that_have_begun(api: Api, app: App) -> None:
    given, token = challenge(api, app.somebody), app.somebody.token
    change = {"current_password": app.somebody.password, "new_password": "a staple that nobody guesses"}
    assert api.user.put("/v1/me/password", json=change, token=token).status_code == 204
    assert verify(api, given, code=app.code(1)).code == "challenge_expired"


def test_whoever_proves_a_second_factor_while_the_account_is_locked_waits_and_holds_up_nobody(
    api: Api, app: App, env: Environment
) -> None:
    given = challenge(api, app.somebody)
    with ThreadPoolExecutor(1) as elsewhere:
        with env.transaction("user_psql", "user") as db:
            accounts.lock(UserDb(db), app.somebody.id)
            proving = elsewhere.submit(verify, api, given, code=app.code(1))
            waiting = text("select count(*) from pg_locks where locktype in ('tuple', 'transactionid') and not granted")
            while db.scalar(waiting) == 0:
                assert not proving.done()
            challenges.withdraw(UserDb(db), app.somebody.id)
        assert proving.result().code == "challenge_expired"


@pytest.mark.parametrize(
    "proof", [{}, {"code": "000000", "recovery_code": "x"}, {"code": None}, {"code": "12345"}, {"code": 123456}]
)
def test_a_proof_of_another_shape_is_refused(api: Api, proof: dict[str, object]) -> None:
    answer = api.user.post("/v1/auth/mfa/verify", json={"challenge": "mfa_x", **proof})
    assert answer.status_code == 422


def test_guesses_wait_however_many_challenges_there_are(api: Api, app: App) -> None:
    answers = [verify(api, challenge(api, app.somebody), recovery_code=f"wrong-{each}") for each in range(FREE + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429]
    assert (answers[-1].code, answers[-1].headers["Retry-After"]) == ("too_many_guesses", "1")


def test_whoever_is_right_begins_anew(api: Api, app: App, env: Environment) -> None:
    for _ in range(2):
        given = challenge(api, app.somebody)
        assert [verify(api, given, recovery_code="wrong").status_code for _ in range(FREE - 1)] == [401] * (FREE - 1)
        assert verify(api, given, code=app.code(1)).status_code == 200
        forget_steps(env, app.somebody)


def test_removing_it_takes_two_factors_and_ends_the_other_sessions(api: Api, app: App) -> None:
    # This session was opened with a password alone, and its token says so until it is refreshed.
    refused = api.user.delete("/v1/me/mfa/totp", token=app.somebody.token)
    assert (refused.status_code, refused.code) == (403, "insufficient_aal")
    assert 'acr_values="aal2"' in refused.headers["WWW-Authenticate"]
    token = pair(api, app)["access_token"]
    assert [api.user.delete("/v1/me/mfa/totp", token=token).status_code for _ in range(2)] == [204, 404]
    assert api.user.get("/v1/me", token=app.somebody.token).code == "session_revoked"
    login = {"email": app.somebody.email, "password": app.somebody.password}
    assert api.user.post("/v1/auth/login", json=login).status_code == 200


def test_new_recovery_codes_are_given_to_whoever_has_two_factors(api: Api, app: App) -> None:
    assert api.user.post("/v1/me/mfa/recovery-codes", token=app.somebody.token).code == "insufficient_aal"
    token = pair(api, app)["access_token"]
    fresh = api.user.post("/v1/me/mfa/recovery-codes", token=token).json["recovery_codes"]
    given = challenge(api, app.somebody)
    assert verify(api, given, recovery_code=app.recovery_codes[0]).status_code == 401
    assert verify(api, given, recovery_code=fresh[0]).status_code == 200


def test_nothing_of_it_is_changed_long_after_the_log_in(api: Api, person: Somebody) -> None:
    answer = api.user.post("/v1/me/mfa/totp", token=people.logged_in(person(), age=700))
    assert (answer.status_code, answer.code) == (401, "reauthentication_required")
    assert 'max_age="600"' in answer.headers["WWW-Authenticate"]


def test_a_second_app_is_not_added_and_a_wrong_code_confirms_nothing(api: Api, app: App, person: Somebody) -> None:
    strong = people.logged_in(app.somebody)
    assert api.user.post("/v1/me/mfa/totp", token=strong).code == "totp_confirmed_already"
    other = person()
    body = {"code": app.code(1)}
    assert api.user.post("/v1/me/mfa/totp/confirm", json=body, token=other.token).code == "totp_not_begun"
    api.user.post("/v1/me/mfa/totp", token=other.token)
    wrong = api.user.post("/v1/me/mfa/totp/confirm", json=body, token=other.token)
    assert (wrong.status_code, wrong.code, wrong.json["errors"][0]["pointer"]) == (403, "code_wrong", "/code")


def test_a_suspended_account_gets_no_session_by_its_second_factor(api: Api, app: App, env: Environment) -> None:
    given = challenge(api, app.somebody)
    with env.transaction("user_psql", "migrator") as db:
        db.execute(text("update accounts set suspended = true where id = :id"), {"id": app.somebody.id})
    assert verify(api, given, code=app.code(1)).code == "account_suspended"


def test_an_operator_resets_the_factors_of_somebody_who_has_lost_them(api: Api, app: App, env: Environment) -> None:
    given = challenge(api, app.somebody)
    told = ["users", "reset-factors", app.somebody.email, "--reason", "lost the phone"]
    said_then, said_again = (CliRunner().invoke(botberi, told).output for _ in range(2))
    assert said_then == f"{app.somebody.id} has no second factor any more\n"
    assert said_again == f"{app.somebody.id} had no second factor\n"
    assert verify(api, given, recovery_code=app.recovery_codes[0]).code == "challenge_expired"
    assert api.user.get("/v1/me", token=app.somebody.token).code == "session_revoked"
    login = {"email": app.somebody.email, "password": app.somebody.password}
    assert api.user.post("/v1/auth/login", json=login).status_code == 200
    query = text("select data ->> 'reason' from outbox where subject = :id and type = 'com.botberi.factor.removed.v1'")
    with env.transaction("user_psql", "relay") as db:
        assert db.scalars(query, {"id": app.somebody.id}).all() == ["lost the phone"]


def test_neither_a_secret_nor_a_code_nor_a_challenge_is_kept_or_told_as_it_is(
    api: Api, person: Somebody, env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        app = enrol(api, person())
        wrong = challenge(api, app.somebody)
        verify(api, wrong, recovery_code="wrong-canary")
        pair(api, app, recovery_code=app.recovery_codes[0])
        given, code = challenge(api, app.somebody), app.code(1)
        verify(api, given, code=code)
    told = caplog.text
    with env.transaction("user_psql", "migrator") as db:
        tables = db.scalars(text("select format('%I', relname) from pg_stat_user_tables where schemaname = 'public'"))
        for table in tables.all():
            told += "".join(db.scalars(text(f"select to_jsonb(t)::text from {table} t")))
    canaries = [app.secret, *app.recovery_codes, wrong, given, "wrong-canary"]
    assert app.somebody.id in told
    assert [canary for canary in canaries if canary in told] == []
