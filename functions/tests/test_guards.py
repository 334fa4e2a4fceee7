"""Who may ask for what, over every endpoint that there is: a new one is covered by itself."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from functions.domain import live_api_keys
from functions.domain.accounts import administration, api_key_text
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.accounts import ROLES, SCOPES
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import Declaration
from functions.runtime.functions import declarations
from functions.runtime.providers.callers import Guard, Staff, User
from functions.schemas.api_keys import Scope
from functions.tests.asking import ask, names, path_of
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Key, Person
from testing.responses import Response


def caller_of(declaration: Declaration) -> type[User]:
    caller = declaration.parameter(Guard)
    assert caller is not None
    return caller.caller


ENDPOINTS = declarations(["user", "admin", "broker"])
GUARDED = [each for each in ENDPOINTS if each.parameter(Guard)]
RECENT = [each for each in GUARDED if caller_of(each).max_age is not None]
OF_TWO_FACTORS = [each for each in GUARDED if caller_of(each).least_aal == SECOND_FACTOR]
OF_INSTANCES = [each for each in ENDPOINTS if "{instance_id}" in each.path]
NONE = "ins_" + "0" * 32


def name_of(declaration: Declaration) -> str:
    return declaration.name


def scope_of(declaration: Declaration) -> str:
    return caller_of(declaration).scope


def opens(scope: str, declaration: Declaration) -> bool:
    caller = caller_of(declaration)
    return scope in {caller.scope, *caller.wider}


@pytest.fixture(scope="module")
def everybody(api: Api, env: Environment) -> dict[str, Person]:
    """Somebody who has each scope, and nothing but it."""
    return {scope: people.arrive(api, env, [scope]) for scope in SCOPES}


@pytest.fixture(scope="module")
def keys(api: Api, env: Environment) -> dict[str, Key]:
    """An API key with each scope that keys may have, of somebody who has all."""
    owner = people.arrive(api, env, SCOPES)
    return {scope: people.api_key(api, env, owner, scope) for scope in get_args(Scope)}


@pytest.fixture(scope="module")
def bad_keys(api: Api, env: Environment) -> list[str]:
    """API keys that are good no more, or never were: expired, revoked, of a suspended account, unknown and mistyped."""
    scopes = get_args(Scope)
    owner, suspended = (people.arrive(api, env, scopes) for _ in range(2))
    expired, revoked = (people.api_key(api, env, owner, *scopes) for _ in range(2))
    of_suspended = people.api_key(api, env, suspended, *scopes)
    people.expire_api_key(env, expired.id)
    assert api.user.delete(f"/v1/me/api-keys/{revoked.id}", token=owner.token).status_code == 204
    with env.transaction("user_psql", "admin") as db:
        assert administration.suspend(UserDb(db), suspended.id, "a test")
    with env.transaction("shared_psql", "subscribers") as db:
        for key in (revoked, of_suspended):
            live_api_keys.revoke(SharedDb(db), key.id, datetime.now(UTC) + timedelta(days=1))
    mistyped = revoked.text[:-1] + ("0" if revoked.text[-1] != "0" else "1")
    return [expired.text, revoked.text, of_suspended.text, api_key_text.new("test"), mistyped]


def test_these_and_no_others_are_open_to_everybody() -> None:
    assert {each.name for each in ENDPOINTS if each not in GUARDED} == {
        "begin_device_login",
        "begin_identity_login",
        "begin_passkey_login",
        "confirm_email",
        "fetch_export",
        "finish_device_login",
        "finish_identity_login",
        "forgot_password",
        "give_client_tokens",
        "list_agent_versions",
        "list_agents",
        "login",
        "read_agent",
        "read_agent_version",
        "read_card_keys",
        "read_event_schema",
        "read_identity_providers",
        "read_instance_mcp_metadata",
        "read_jwks",
        "read_mcp_metadata",
        "read_oauth_metadata",
        "refresh_session",
        "register",
        "resend_verification",
        "revoke_client_token",
        "upload_bundle",
        "reset_password",
        "restore_me",
        "verify_email",
        "verify_mfa",
        "verify_passkey",
    }


def test_what_is_for_administrators_is_for_nobody_without_a_role() -> None:
    assert {scope_of(each) for each in GUARDED if each.api == "admin"} == {*ROLES} - {"broker"}
    assert {scope_of(each) for each in GUARDED if each.api == "broker"} == {"broker"}


def test_whoever_changes_anything_for_others_shows_a_second_factor() -> None:
    changing = [each for each in GUARDED if each.method != "GET" and scope_of(each) != "user"]
    assert {each.name for each in changing if not issubclass(caller_of(each), Staff)} == {
        "publish_event",
        "publish_events",
    }
    assert (Staff.least_aal, Staff.takes_keys) == (SECOND_FACTOR, False)


def test_of_what_is_for_administrators_only_reading_the_catalog_takes_no_second_factor() -> None:
    for_staff = [each for each in GUARDED if each.api == "admin"]
    assert {each.name for each in for_staff if caller_of(each).least_aal < SECOND_FACTOR} == {
        "list_all_agents",
        "list_channel_moves",
        "read_affected",
        "read_any_agent",
        "read_any_version",
        "read_channel",
    }


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
def test_without_a_token_it_is_a_401(api: Api, endpoint: Declaration) -> None:
    answer = ask(api, endpoint)
    assert answer.status_code == 401
    assert names(answer, endpoint, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.usefixtures("nothing_stopped")
@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
def test_an_api_key_opens_it_as_a_token_does_unless_it_is_for_people_alone(
    api: Api, keys: dict[str, Key], endpoint: Declaration
) -> None:
    guard = endpoint.parameter(Guard)
    assert guard is not None
    answer = ask(api, endpoint, token=keys.get(scope_of(endpoint), keys["admin"]).text)
    if guard.caller.takes_keys:
        # Whatever the example comes to, who asks is known.
        assert answer.status_code != 401
        # What was refused to them before, the trail of what concerns them says as well.
        assert answer.status_code == 200 or '"forbidden"' not in answer.text
    else:
        assert (answer.status_code, answer.code) == (403, "session_required")


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
def test_an_api_key_without_the_scope_is_a_403(api: Api, keys: dict[str, Key], endpoint: Declaration) -> None:
    other = keys["user" if scope_of(endpoint) != "user" else "broker"]
    answer = ask(api, endpoint, token=other.text)
    assert answer.status_code == 403
    assert names(answer, endpoint, "forbidden") or answer.code == "session_required"


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
def test_an_api_key_that_is_not_good_is_a_401(api: Api, bad_keys: list[str], endpoint: Declaration) -> None:
    for key in bad_keys:
        answer = ask(api, endpoint, token=key)
        assert answer.status_code == 401
        assert names(answer, endpoint, "api_key_invalid")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
def test_without_the_scope_it_is_a_403(api: Api, everybody: dict[str, Person], endpoint: Declaration) -> None:
    for scope, somebody in everybody.items():
        if not opens(scope, endpoint):
            answer = ask(api, endpoint, token=somebody.token)
            assert answer.status_code == 403
            assert names(answer, endpoint, "forbidden")


def test_these_and_no_others_need_a_recent_log_in_or_a_second_factor() -> None:
    assert {each.name for each in RECENT} == {
        "begin_passkey",
        "approve_device",
        "authorize_client",
        "begin_totp",
        "change_email",
        "confirm_totp",
        "create_api_key",
        "create_export",
        "create_passkey",
        "delete_me",
        "delete_passkey",
        "delete_session",
        "link_identity",
        "read_export",
        "remove_totp",
        "renew_recovery_codes",
        "unlink_identity",
    }
    users = {each.name for each in OF_TWO_FACTORS if each.api == "user"}
    assert users == {"delete_passkey", "remove_totp", "renew_recovery_codes"}


@pytest.mark.parametrize("endpoint", RECENT, ids=name_of)
def test_long_after_the_log_in_it_is_a_401(api: Api, everybody: dict[str, Person], endpoint: Declaration) -> None:
    answer = ask(api, endpoint, token=people.logged_in(everybody[scope_of(endpoint)], age=700))
    assert (answer.status_code, answer.code) == (401, "reauthentication_required")


@pytest.mark.parametrize("endpoint", OF_TWO_FACTORS, ids=name_of)
def test_with_a_password_alone_it_is_a_403(api: Api, everybody: dict[str, Person], endpoint: Declaration) -> None:
    answer = ask(api, endpoint, token=people.logged_in(everybody[scope_of(endpoint)], aal=1))
    assert (answer.status_code, answer.code) == (403, "insufficient_aal")


@pytest.mark.parametrize("endpoint", OF_INSTANCES, ids=name_of)
def test_an_instance_that_there_is_not_is_a_404(api: Api, everybody: dict[str, Person], endpoint: Declaration) -> None:
    token = everybody[scope_of(endpoint)].token
    answers = [ask(api, endpoint, path_of(endpoint, instance_id=each), token=token) for each in (NONE, "ins_1", "%00")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def without_trace(answer: Response) -> str:
    return re.sub(r'"trace_id": *"[^"]*"', "", answer.text)


@pytest.mark.parametrize("endpoint", [each for each in OF_INSTANCES if each.api == "user"], ids=name_of)
def test_somebody_else_s_instance_is_answered_like_one_that_there_is_not(
    api: Api, everybody: dict[str, Person], launch: Callable[..., Launched], endpoint: Declaration
) -> None:
    launched = launch()
    token = everybody["user"].token
    theirs = ask(api, endpoint, path_of(endpoint, instance_id=launched.id), token=token)
    nobodys = ask(api, endpoint, path_of(endpoint, instance_id=NONE), token=token)
    assert theirs.status_code == 404
    assert without_trace(theirs) == without_trace(nobodys)
    assert launched.read()["desired_state"] == "running"


def test_what_is_refused_is_in_the_log_with_who_asked(
    api: Api, everybody: dict[str, Person], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    somebody = everybody["user"]
    api.admin.get("/v1/admin/audit", token=somebody.token)
    api.user.get("/v1/me")
    api.user.post("/v1/auth/login", json={"email": somebody.email, "password": "not the password"})
    lines = [vars(record) for record in caplog.records if "status" in vars(record)]
    told = [(line["function"], line["status"], line["actor"]) for line in lines]
    assert told == [("list_audit", 403, somebody.id), ("read_me", 401, "system"), ("login", 401, "system")]
