"""Whoever helps people acts for one of them: for a while, with both names, and with the owner told."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.accounts import access_tokens, administration
from functions.domain.accounts.access_tokens import Impersonation
from functions.domain.api_errors import Unauthenticated
from functions.domain.databases import UserDb
from functions.runtime.functions import declarations
from functions.runtime.providers import callers
from functions.runtime.providers.callers import Guard
from functions.tests.asking import ask
from testing import people, trail
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person

Somebody = Callable[..., Person]
WHY = "They see no answers, and I don't know why."


@pytest.fixture
def helper(person: Somebody) -> Person:
    return person(("user", "support"))


@pytest.fixture
def admin(person: Somebody) -> Person:
    return person(("user", "admin"))


def begin(api: Api, staff: Person, account_id: str, **asked: Any) -> Any:
    body = {"reason": WHY, **asked}
    return api.admin.post(f"/v1/admin/accounts/{account_id}/impersonate", token=staff.token, json=body)


def said(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_what_somebody_sees_is_seen_for_a_while_by_a_token_that_names_both(
    api: Api, helper: Person, person: Somebody
) -> None:
    ann = person()
    begun = begin(api, helper, ann.id)
    assert begun.status_code == 200
    told = said(begun.json["access_token"])
    assert (told["sub"], told["act"], told["sid"]) == (ann.id, {"sub": helper.id}, begun.json["session_id"])
    assert told["exp"] - time.time() == pytest.approx(15 * 60, abs=30)
    me = api.user.get("/v1/me", token=begun.json["access_token"])
    assert (me.status_code, me.json["id"], begun.json["may_write"]) == (200, ann.id, False)


def test_its_owner_is_told_sees_it_among_their_sessions_and_ends_it(
    api: Api, env: Environment, helper: Person, person: Somebody
) -> None:
    ann = person()
    begun = begin(api, helper, ann.id).json
    with env.transaction("user_psql", "relay") as db:
        query = text("select data from outbox where type = :type and data ->> 'account_id' = :id")
        [event] = db.scalars(query, {"type": "com.botberi.account.impersonated.v1", "id": ann.id}).all()
    assert (event["impersonator_id"], event["reason"], event["may_write"]) == (helper.id, WHY, False)
    sessions = api.user.get("/v1/me/sessions", token=ann.token).json["items"]
    assert [(each["impersonator_id"], each["impersonation_reason"]) for each in sessions] == [
        (helper.id, WHY),
        (None, None),
    ]
    assert api.user.delete(f"/v1/me/sessions/{begun['session_id']}", token=ann.token).status_code == 204
    assert api.user.get("/v1/me", token=begun["access_token"]).code == "session_revoked"


def test_that_it_ended_is_remembered_as_long_as_its_token_would_be_good(
    api: Api, env: Environment, helper: Person, person: Somebody
) -> None:
    ann = person()
    begun = begin(api, helper, ann.id, minutes=60).json
    path = f"/v1/admin/accounts/{ann.id}/sessions/{begun['session_id']}?reason=Done."
    assert api.admin.delete(path, token=helper.token).status_code == 204
    query = text(
        "select cast(data ->> 'expires_at' as timestamptz) > cast(:until as timestamptz) from outbox"
        " where type = 'com.botberi.session.revoked.v1' and data ->> 'session_id' = :id"
    )
    with env.transaction("user_psql", "relay") as db:
        assert db.scalars(query, {"id": begun["session_id"], "until": begun["expires_at"]}).all() == [True]


def test_whatever_is_done_is_in_the_trail_with_both_names_and_the_owner_reads_it(
    api: Api, env: Environment, admin: Person, launch: Callable[..., Launched]
) -> None:
    instance = launch()
    owner, token = instance.owner, people.impersonating(api, admin, instance.owner, write=True)
    assert api.user.get(instance.path, token=token).status_code == 200
    assert api.user.post(f"{instance.path}/stop", token=token).status_code == 202
    assert api.user.get("/v1/me/api-keys", token=token).code == "impersonated"
    actor = f"{admin.id}/{owner.id}"
    done = [
        (each["action"], each["outcome"], each["targets"])
        for database in ("shared_psql", "user_psql")
        for each in trail.entries(env, database, actor=actor)
    ]
    assert done == [
        ("read_instance", "succeeded", [instance.id, owner.id]),
        ("stop_instance", "succeeded", [instance.id, owner.id]),
        ("list_api_keys", "refused", []),
    ]
    mine = api.user.get("/v1/me/audit", token=owner.token).json["items"]
    assert {("stop_instance", actor), ("impersonate_account", admin.id)} <= {
        (each["action"], each["actor"]) for each in mine
    }
    theirs = api.admin.get(f"/v1/admin/audit?actor={admin.id}&action=stop_instance", token=admin.token).json["items"]
    assert [each["actor"] for each in theirs] == [actor]


def test_reading_is_all_that_support_may_and_all_that_is_let_in_without_write(
    api: Api, helper: Person, admin: Person, person: Somebody
) -> None:
    ann = person()
    assert begin(api, helper, ann.id, write=True).code == "write_needs_admin"
    token = people.impersonating(api, admin, ann)
    for endpoint in declarations(["user"]):
        if endpoint.method == "GET" or endpoint.parameter(Guard) is None:
            continue
        answer = ask(api, endpoint, token=token)
        assert answer.status_code == 403, endpoint.name
        assert "impersonated" in answer.text, endpoint.name


def test_nothing_that_would_let_somebody_stay_is_done_by_whoever_may_write(
    api: Api, admin: Person, person: Somebody
) -> None:
    token = people.impersonating(api, admin, person(), write=True)
    answers = {
        each.name: ask(api, each, token=token).code
        for each in declarations(["user"])
        if (guard := each.parameter(Guard)) and not guard.caller.takes_keys
    }
    assert set(answers.values()) == {"impersonated"}
    assert answers.keys() >= {
        *("change_password", "begin_totp", "remove_totp", "renew_recovery_codes", "create_api_key", "delete_api_key"),
        *("begin_passkey", "create_passkey", "delete_passkey", "create_export", "read_export", "delete_me"),
        *("change_email", "authorize_client", "approve_device", "link_identity", "unlink_identity", "delete_session"),
    }


def test_nobody_acts_for_themselves_for_staff_or_for_who_is_not_there(
    api: Api, env: Environment, admin: Person, helper: Person, person: Somebody
) -> None:
    gone = person()
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), gone.id, "a test")
    codes = [begin(api, admin, each).code for each in (admin.id, helper.id, new_id("usr"), gone.id)]
    assert codes == ["own_account", "staff_not_impersonated", "account_not_found", "account_suspended"]
    assert begin(api, person(), gone.id).code == "forbidden"
    assert {begin(api, admin, gone.id, minutes=each).code for each in (0, 61)} == {"invalid"}


def test_it_ends_when_whoever_acts_may_help_people_no_more(
    api: Api, env: Environment, helper: Person, person: Somebody
) -> None:
    token = people.impersonating(api, helper, person())
    assert api.user.get("/v1/me", token=token).status_code == 200
    with env.transaction("user_psql", "admin") as db:
        administration.change_scopes(UserDb(db), helper.id, ["user"], "a test")
    assert api.user.get("/v1/me", token=token).code == "session_revoked"


def test_a_token_that_says_less_or_more_than_it_may_is_nobody_s(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting, soon = Impersonation("usr_2", may_write=False), int(time.time()) + 60
    good = callers.claims(access_tokens.impersonate("usr_1", "ses_1", acting, soon))
    assert (good.impersonation, good.actor, good.scopes) == (acting, "usr_2/usr_1", frozenset({"user"}))
    with pytest.raises(Unauthenticated):
        callers.claims(access_tokens.impersonate("usr_1", "ses_1", acting, int(time.time()) + 3700))
    # Whoever knows of no `act` must not take it for the owner's.
    assert jwt.get_unverified_header(access_tokens.impersonate("usr_1", "ses_1", acting, soon))["typ"] != "at+jwt"
    monkeypatch.setattr(access_tokens, "IMPERSONATION_TYPE", "at+jwt")
    with pytest.raises(Unauthenticated):
        callers.claims(access_tokens.impersonate("usr_1", "ses_1", acting, soon))
