"""Whoever changes something, is refused, or is shown what is others', is in the audit trail: no entry, no change."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from core.ids import new_id
from functions.runtime import auditing
from functions.runtime.declarations import path_parameters
from functions.runtime.functions import declarations
from functions.runtime.tests.planting import Plant
from testing import people, trail
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person

ENDPOINTS = declarations(["user", "admin", "broker"])

DEVICE = "Browser/1.0"
FROM = {"User-Agent": DEVICE, "X-Forwarded-For": "203.0.113.77"}


@contextmanager
def unwritable(env: Environment, database: str, role: str) -> Iterator[None]:
    """Let a role append no entries."""
    function = "function append_audit_entry"
    with env.transaction(database, "migrator") as db:
        db.execute(text(f"revoke execute on {function} from botberi_{role}"))
    try:
        yield
    finally:
        with env.transaction(database, "migrator") as db:
            db.execute(text(f"grant execute on {function} to botberi_{role}"))


def newest(env: Environment, database: str, **wanted: str) -> dict[str, Any]:
    return trail.entries(env, database, **wanted)[-1]


def test_a_change_is_entered_with_who_what_why_and_from_where(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    admin, somebody = person(scopes=("user", "admin")), person()
    body = {"reason": "They have asked for it."}
    path = f"/v1/admin/accounts/{somebody.id}/suspend"
    answer = api.admin.post(path, json=body, token=admin.token, headers=FROM)
    assert answer.status_code == 200
    entry = newest(env, "user_psql", action="suspend_account", target=somebody.id)
    assert (entry["origin"], entry["actor"], entry["targets"]) == ("request", admin.id, [somebody.id])
    assert entry["details"] == {
        "context": {
            "network": "203.0.113.0/24",
            "device": DEVICE,
            "route": "POST /v1/admin/accounts/{account_id}/suspend",
            "trace_id": answer.headers["X-Request-Id"],
        },
        "reason": body["reason"],
        "before": {"suspended": False},
        "after": {"suspended": True},
    }


def told(env: Environment, database: str, **wanted: str) -> tuple[Any, ...]:
    """Return what the newest entry says was there before and after, and what else has changed."""
    details = newest(env, database, **wanted)["details"]
    return tuple(details.get(name) for name in ("before", "after", "changed"))


def test_of_what_is_changed_it_is_told_how_it_was_and_how_it_is(
    api: Api, env: Environment, launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    instance, admin, match = launch(), person(scopes=("user", "admin")), {"If-Match": "*"}
    owner, why = instance.owner, {"reason": "A test."}
    slug = instance.read()["agent"]
    path = f"/v1/admin/accounts/{owner.id}"
    for each in ("suspend", "restore"):
        assert api.admin.post(f"{path}/{each}", json=why, token=admin.token).status_code == 200
    suspended = ({"suspended": False}, {"suspended": True}, None)
    assert told(env, "user_psql", action="suspend_account", target=owner.id) == suspended
    assert told(env, "user_psql", action="restore_account", target=owner.id) == (*suspended[1::-1], None)
    changes = {"name": "Another", "featured_rank": 7, "description": "Long."}
    assert (
        api.admin.patch(f"/v1/admin/agents/{slug}", json=changes, token=admin.token, headers=match).status_code == 200
    )
    before, after, more = told(env, "shared_psql", action="update_agent", actor=admin.id)
    assert (before["featured_rank"], after) == (0, {"name": "Another", "featured_rank": 7})
    assert more == ["description"]
    budget = {"period": "month", "runs": 10, **why}
    budget_path = f"{path}/budget"
    assert api.admin.put(budget_path, json=budget, token=admin.token, headers=match).status_code == 200
    before, after, _ = told(env, "shared_psql", action="set_account_budget", actor=admin.id)
    assert (before["runs"], after["runs"]) == (None, 10)
    assert api.admin.delete(f"{budget_path}?reason=A+test.", token=admin.token, headers=match).status_code == 204
    before, after, _ = told(env, "shared_psql", action="delete_account_budget", actor=admin.id)
    assert (before["runs"], after) == (10, None)
    assert api.admin.post(f"/v1/admin/instances/{instance.id}/stop", json=why, token=admin.token).status_code == 202
    before, after, _ = told(env, "shared_psql", action="stop_any_instance", actor=admin.id)
    assert (before["desired_state"], after["desired_state"]) == ("running", "stopped")


def test_of_people_s_own_words_it_is_told_that_they_are_others_and_not_which(
    api: Api, env: Environment, launch: Callable[..., Launched]
) -> None:
    instance, match = launch(), {"If-Match": "*"}
    owner = instance.owner
    changes = {"name": "Ann Canary", "locale": "de-AT"}
    assert api.user.patch("/v1/me", json=changes, token=owner.token, headers=match).status_code == 200
    assert told(env, "user_psql", action="update_me", actor=owner.id) == (
        {"locale": None},
        {"locale": "de-AT"},
        ["name"],
    )
    changed = {"name": "Canary", "discoverable": True}
    assert api.user.patch(instance.path, json=changed, token=owner.token, headers=match).status_code == 200
    told_of_it = ({"discoverable": False}, {"discoverable": True}, ["name"])
    assert told(env, "shared_psql", action="update_instance", actor=owner.id) == told_of_it


def test_what_can_not_be_entered_does_not_happen(api: Api, env: Environment, person: Callable[..., Person]) -> None:
    somebody, match = person(), {"If-Match": "*"}
    assert api.user.patch("/v1/me", json={"name": "Ann"}, token=somebody.token, headers=match).status_code == 200
    with unwritable(env, "user_psql", "user"):
        answer = api.user.patch("/v1/me", json={"name": "Bob"}, token=somebody.token, headers=match)
        made = api.user.post("/v1/me/api-keys", json={"name": "A", "scopes": ["user"]}, token=somebody.token)
    assert [each.status_code for each in (answer, made)] == [500, 500]
    assert api.user.get("/v1/me", token=somebody.token).json["name"] == "Ann"
    assert api.user.get("/v1/me/api-keys", token=somebody.token).json["items"] == []


def test_what_is_created_is_a_target_and_asking_again_adds_no_second_entry(
    api: Api, env: Environment, launch: Callable[..., Launched]
) -> None:
    known = launch()
    body, key = {"agent": known.read()["agent"], "name": "Mine", "config": {}}, {"Idempotency-Key": new_id("msg")}
    answers = [api.user.post("/v1/instances", json=body, token=known.owner.token, headers=key) for _ in range(2)]
    assert answers[0].json["id"] == answers[1].json["id"]
    asked = api.user.post("/v1/instances?validate_only=true", json=body, token=known.owner.token)
    assert asked.status_code == 200
    entries = trail.entries(env, "shared_psql", action="create_instance", actor=known.owner.id)
    assert [each["targets"] for each in entries].count([answers[0].json["id"]]) == 1
    assert len(entries) <= 2


def test_by_its_key_an_account_is_named_with_the_key(
    api: Api, env: Environment, launch: Callable[..., Launched]
) -> None:
    instance = launch()
    key = people.api_key(api, env, instance.owner)
    made = newest(env, "user_psql", action="create_api_key", actor=instance.owner.id)
    assert made["targets"] == [key.id]
    assert api.user.post(f"{instance.path}/stop", token=key.text).status_code == 202
    entry = newest(env, "shared_psql", action="stop_instance", target=instance.id)
    assert entry["actor"] == f"{instance.owner.id}/{key.id}"


def test_of_what_staff_do_to_somebody_s_instance_the_owner_is_a_target(
    api: Api, env: Environment, launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    instance, admin = launch(), person(scopes=("admin",))
    assert api.admin.get(f"/v1/admin/instances/{instance.id}", token=admin.token).status_code == 200
    entry = newest(env, "shared_psql", action="read_any_instance", actor=admin.id)
    assert entry["targets"] == [instance.id, instance.owner.id]


def test_staff_are_shown_nothing_of_which_there_is_no_entry(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    admin, somebody = person(scopes=("admin",)), person()
    path = f"/v1/admin/accounts/{somebody.id}"
    with unwritable(env, "user_psql", "admin"):
        refused = api.admin.get(path, token=admin.token)
    assert refused.status_code == 500
    assert somebody.email not in refused.text
    assert api.admin.get(path, token=admin.token).status_code == 200
    entries = trail.entries(env, "user_psql", action="read_account", target=somebody.id)
    assert [(each["actor"], each["outcome"]) for each in entries] == [(admin.id, "succeeded")]


def test_what_somebody_may_not_is_entered_as_refused(api: Api, env: Environment, person: Callable[..., Person]) -> None:
    somebody = person()
    assert api.admin.post("/v1/admin/accounts/usr_x/suspend", token=somebody.token).status_code == 403
    entry = newest(env, "user_psql", actor=somebody.id, action="suspend_account")
    assert (entry["outcome"], entry["targets"], entry["details"]["code"]) == ("refused", ["usr_x"], "forbidden")
    with unwritable(env, "user_psql", "admin"):
        assert api.admin.post("/v1/admin/accounts/usr_x/suspend", token=somebody.token).code == "forbidden"


def test_a_session_that_has_ended_is_entered_and_a_token_that_is_nobody_s_is_not(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    somebody = person()
    assert api.user.post("/v1/auth/logout", token=somebody.token).status_code == 204
    assert api.user.get("/v1/me", token=somebody.token).code == "session_revoked"
    entry = newest(env, "user_psql", actor=somebody.id)
    assert (entry["action"], entry["outcome"], entry["details"]["code"]) == ("read_me", "refused", "session_revoked")
    before = len(trail.entries(env, "user_psql", actor="anonymous"))
    assert api.user.get("/v1/me", token="nobody's").status_code == 401
    assert api.user.get("/v1/me").status_code == 401
    assert len(trail.entries(env, "user_psql", actor="anonymous")) == before


def test_log_ins_are_entered_whatever_becomes_of_them(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    somebody = person()
    wrong = {"email": somebody.email, "password": "not the password"}
    assert api.user.post("/v1/auth/login", json=wrong, headers=FROM).status_code == 401
    [entry] = trail.entries(env, "user_psql", actor="anonymous", target=somebody.id)
    assert (entry["action"], entry["outcome"]) == ("login", "refused")
    assert entry["details"]["code"] == "credentials_wrong"
    assert [each["outcome"] for each in trail.entries(env, "user_psql", action="login", actor=somebody.id)] == [
        "succeeded"
    ]
    before = len(trail.entries(env, "user_psql", action="login"))
    nobody = {"email": f"{new_id('usr')}@example.com", "password": "not the password"}
    assert api.user.post("/v1/auth/login", json=nobody).status_code == 401
    assert len(trail.entries(env, "user_psql", action="login")) == before + 1


BUG = """
    @endpoint("POST", "/things", status=204)
    def write_things(db: UserDb) -> None:
        emit(db, AccountRegistered(account_id="usr_bug"))
        raise ZeroDivisionError
"""


def test_a_change_that_ended_in_a_bug_is_entered_as_failed(plant: Plant, env: Environment) -> None:
    before = len(trail.entries(env, "user_psql", action="write_things"))
    assert plant(write_things=BUG).post("/things").status_code == 500
    entries = trail.entries(env, "user_psql", action="write_things")
    assert [each["outcome"] for each in entries[before:]] == ["failed"]


NOT_AUDITED = {
    # A run tells who said what, when and to which instance, and how it ended.
    *("answer_run", "cancel_run", "send_message", "run_ag_ui", "create_response", "cancel_response"),
    *("call_instance_by_mcp", "send_a2a_message", "stream_a2a_message", "subscribe_a2a_task", "cancel_a2a_task"),
    # The same, and what else they can do is entered as the action that it is.
    *("call_platform_by_mcp", "answer_a2a_request"),
    # A session tells of its refreshes; one that ends it is entered, being refused.
    "refresh_session",
    # A link that is good for one bundle was asked for by somebody, which is entered, and so is its publication.
    "upload_bundle",
    # An event that was published is entered when it is received.
    *("publish_event", "publish_events"),
}

ENTERS_ITSELF = {
    "begin_identity_login",
    "create_api_key",
    "create_passkey",
    "create_a2a_push_config",
    "delete_a2a_push_config",
}
"""Those whose transaction is their own."""


def test_every_change_is_entered_but_for_what_other_rows_tell_of() -> None:
    changing = [each for each in ENDPOINTS if each.method != "GET"]
    assert {each.name for each in changing if not each.audited} == NOT_AUDITED
    assert {each.name for each in changing if each.audited and not each.holds} == ENTERS_ITSELF


def test_it_is_known_of_every_part_of_a_path_whether_it_is_told() -> None:
    names = {name for each in ENDPOINTS for name in path_parameters(each.path)}
    left = {name for name in names if not auditing.TARGETS.fullmatch(name)} - auditing.TOLD
    # Keys of memories are their owner's words.
    assert left == {"key"}


def test_whatever_is_written_in_a_path_is_told_only_if_it_may_be_an_id(api: Api, env: Environment) -> None:
    somebody = people.arrive(api, env, ["user"])
    assert api.admin.get("/v1/admin/accounts/ann@example.com", token=somebody.token).status_code == 403
    entry = newest(env, "user_psql", actor=somebody.id, action="read_account")
    assert (entry["targets"], re.findall("ann@", str(entry))) == ([], [])


def test_a_session_ended_in_the_other_database_is_entered_there(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    somebody = person()
    session_id = api.user.get("/v1/me/sessions", token=somebody.token).json["items"][0]["id"]
    with env.transaction("shared_psql", "subscribers") as db:
        db.execute(text("select remember_revoked(:id, now() + interval '1 hour')"), {"id": session_id})
    assert api.user.get("/v1/instances", token=somebody.token).code == "session_revoked"
    entry = newest(env, "shared_psql", actor=somebody.id)
    assert (entry["action"], entry["outcome"]) == ("list_instances", "refused")
