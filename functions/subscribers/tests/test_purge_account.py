"""Nothing of somebody who has left is found anywhere, in no table of both databases."""

from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.ids import new_id
from events.catalog.accounts import AccountPurged
from events.catalog.schedules import SharedPruningFallenDue, UserPruningFallenDue
from functions.domain.runs.tests.test_runs import Runs
from functions.jobs import converge
from functions.subscribers.tests.test_keep_agent_logs import hand_on, written
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.launches import Launched
from testing.people import Person

DEVICE: Final = f"Browser/{uuid4().hex}"
NETWORK: Final = "198.51.77."

PSEUDONYM: Final = {
    "user_psql": {"audit_entries", "audit_parties", "inbox", "outbox", "outbox_bodies"},
    "shared_psql": {
        *("account_purges", "audit_entries", "audit_parties", "inbox", "kill_switches", "outbox", "outbox_bodies"),
    },
}
"""The tables in which the account's id may still stand: those of the event path, and what operators keep."""


EMPTY: Final[dict[str, set[str]]] = {"user_psql": set(), "shared_psql": {"account_purges"}}
"""The tables in which there is nothing of somebody of whom there is something everywhere else."""


_ANSWER: Final = (
    "insert into idempotency_keys (caller, key, fingerprint, response) values (:owner, :instance, 'f', :said)"
)

ROWS: Final = {
    "user_psql": [
        _ANSWER,
        "insert into one_time_tokens values (:owner, 'password_reset', :hash, now() + interval '1 hour')",
        "insert into mfa_challenges values (:hash, :owner, now() + interval '1 hour')",
        "insert into passkeys values ('psk_' || encode(:hash, 'hex'), :owner, :hash, '', 0, '{}', false, false, :said)",
        "insert into identities values ('https://id.example', :said, :owner, 'example')",
        "insert into oauth_codes values (:hash, :owner, 'x', 'x', 'x', 'x', 'x', '{}', now(), null)",
        "insert into exports (id, account_id) values (:instance, :owner)",
        "insert into device_logins values (:hash, :hash, :said, '', '', now(), 'infinity', 5, null, :owner, true)",
    ],
    "shared_psql": [
        _ANSWER,
        "insert into account_limits (account_id, limits) values (:owner, '{}')",
        "insert into instance_secrets values (:instance, '/said', 1, 'k', :hash, :hash)",
        "insert into push_configs (run_id, id, url, subject) values (:run, 'x', 'https://example.com/' || :said, :run)",
    ],
}


def said(instance: Launched) -> str:
    """Return what stands in whatever the owner of an instance has told us."""
    return f"canary-{instance.id}"


def tables(env: Environment, database: str) -> list[str]:
    query = (
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition order by 1"
    )
    with env.transaction(database, "migrator") as db:
        return list(db.scalars(text(query)))


def found(env: Environment, *words: str) -> dict[str, set[str]]:
    """Return the tables of each database in which one of some words stands, as text or as bytes."""
    forms = [form for word in words for form in (word.lower(), word.encode().hex())]
    where: dict[str, set[str]] = {}
    for database in ("user_psql", "shared_psql"):
        for table in tables(env, database):
            query = text(f"select count(*) from {table} as t where lower(t::text) like any (:forms)")
            with env.transaction(database, "migrator") as db:
                if db.scalar(query, {"forms": [f"%{form}%" for form in forms]}):
                    where.setdefault(database, set()).add(table)
    return where


def belonging(env: Environment, database: str) -> set[str]:
    """Return the tables whose rows belong to an account or to an instance, by the names of their columns."""
    query = (
        "select distinct relname from pg_class join pg_attribute on attrelid = pg_class.oid"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"
        " and attname in ('account_id', 'owner_id', 'instance_id', 'run_id', 'caller')"
    )
    with env.transaction(database, "migrator") as db:
        return set(db.scalars(text(query)))


def deliver(api: Api, function: str, kind: str, subject: str, data: dict[str, Any], database: str = "user_psql") -> int:
    event = {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": f"/botberi/{database}",
        "type": kind,
        "subject": subject,
        "time": "2026-01-01T00:00:00Z",
        "data": data,
    }
    return int(api.deliver(function, event).status_code)


def prune(api: Api, function: str, kind: str) -> None:
    slot = {"schedule": function, "slot": "2026-01-01T00:00:00Z"}
    assert deliver(api, function, kind, function, slot, "shared_psql") == 200


def purge(api: Api, env: Environment, account_id: str) -> None:
    """Let the time come at which an account is purged, and have that done."""
    with env.transaction("user_psql", "migrator") as db:
        due = "update accounts set purge_at = now() - interval '1 second' where id = :id"
        db.execute(text(due), {"id": account_id})
    prune(api, "prune_user_psql", UserPruningFallenDue.type)
    assert deliver(api, "purge_account", AccountPurged.type, account_id, {"account_id": account_id}) == 200


def purges_said(env: Environment, account_id: str) -> int:
    with env.transaction("user_psql", "relay") as db:
        query = text("select count(*) from outbox where type = :type and subject = :id")
        return int(db.scalar(query, {"type": AccountPurged.type, "id": account_id}) or 0)


@pytest.fixture
def owner(api: Api, env: Environment, launch: Callable[..., Launched], nothing_stopped: None) -> Launched:
    """Somebody of whom there is something everywhere."""
    instance = launch()
    ann = instance.owner
    log_in = {"User-Agent": DEVICE, "X-Forwarded-For": f"{NETWORK}1"}
    body = {"email": ann.email, "password": ann.password}
    api.user.post("/v1/auth/login", json=body, headers=log_in)
    changed = api.user.patch("/v1/me", json={"name": said(instance)}, token=ann.token, headers={"If-Match": "*"})
    assert changed.status_code == 200
    fill(api, env, instance)
    return instance


def fill(api: Api, env: Environment, instance: Launched) -> None:
    ann, path = instance.owner, instance.path
    send: dict[str, Any] = {"token": ann.token}
    canary = said(instance)
    people.api_key(api, env, ann)
    asked = {"email": f"{canary}@example.org", "current_password": ann.password}
    answers = [
        api.user.patch(path, json={"name": canary, "labels": {"team": canary}}, headers={"If-Match": "*"}, **send),
        api.user.put(f"{path}/memory/colour", json={"value": canary}, **send),
        api.user.put("/v1/me/budget", json={"period": "day", "runs": 9}, headers={"If-Match": "*"}, **send),
        api.user.post("/v1/me/email", json=asked, **send),
        api.user.post("/v1/auth/password/forgot", json={"email": ann.email}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 202, 202], [each.text for each in answers]
    deliver(api, "send_mail", "com.botberi.password.reset_requested.v1", ann.id, {"account_id": ann.id})
    enrol(api, ann)
    assert hand_on(api, instance, written(canary)) == 200
    runs = Runs(env, instance)
    run = runs.ask(canary)
    [claimed] = runs.claim()
    running = runs.begin(claimed)
    runs.say(running, canary)
    assert runs.end(running)
    created = {"account_id": ann.id}
    assert deliver(api, "keep_account_event", "com.botberi.account.registered.v1", ann.id, created) == 200
    assert deliver(api, "record_audit", "com.botberi.account.registered.v1", ann.id, created) == 200
    put_rows(env, {"owner": ann.id, "instance": instance.id, "run": run.id, "said": canary, "hash": uuid4().bytes})


def put_rows(env: Environment, values: dict[str, object]) -> None:
    """Write what would take somebody long to bring about."""
    for database, statements in ROWS.items():
        with env.transaction(database, "migrator") as db:
            for statement in statements:
                db.execute(text(statement), values)


def ended(instance: Launched) -> None:
    """Have a worker see to the instance, for as long as it has something to do."""
    for _ in range(5):
        converge.converge(instance.id)


def test_nothing_of_a_person_is_found_after_a_purge(api: Api, env: Environment, owner: Launched) -> None:
    ann = owner.owner
    mine = (said(owner), ann.email, DEVICE, NETWORK)
    assert {"accounts", "sessions", "email_changes"} <= found(env, *mine)["user_psql"]
    assert [found(env, each)["user_psql"] for each in (DEVICE, NETWORK)] == [{"audit_entries", "sessions"}] * 2
    assert {"instances", "agent_memory", "runs", "instance_logs"} <= found(env, *mine)["shared_psql"]
    before = found(env, *mine, ann.id, owner.id)
    assert {database: belonging(env, database) - names for database, names in before.items()} == EMPTY
    leave(api, ann)
    purge(api, env, ann.id)
    ended(owner)
    prune(api, "prune_shared_psql", SharedPruningFallenDue.type)
    assert found(env, *mine) == {}
    left = found(env, ann.id, owner.id)
    assert {database: names - PSEUDONYM[database] for database, names in left.items()} == {
        "user_psql": set(),
        "shared_psql": set(),
    }
    assert all("audit_entries" in names for names in left.values())
    assert purges_said(env, ann.id) == 1


def leave(api: Api, somebody: Person) -> None:
    answer = api.user.delete("/v1/me", token=people.logged_in(somebody))
    assert answer.status_code == 202, answer.text


def test_who_has_time_left_is_not_purged(api: Api, env: Environment, person: Callable[..., Person]) -> None:
    staying, leaving = person(), person()
    leave(api, leaving)
    prune(api, "prune_user_psql", UserPruningFallenDue.type)
    assert [purges_said(env, each.id) for each in (staying, leaving)] == [0, 0]
    body = {"email": leaving.email, "password": leaving.password}
    assert api.user.post("/v1/auth/restore", json=body).status_code == 204


def test_after_the_purge_the_address_is_free_and_nothing_is_restored(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    leave(api, ann)
    purge(api, env, ann.id)
    body = {"email": ann.email, "password": ann.password}
    answers = [api.user.post(f"/v1/auth/{what}", json=body) for what in ("login", "restore")]
    assert [each.code for each in answers] == ["credentials_wrong"] * 2
    with env.transaction("user_psql", "migrator") as db:
        assert not db.scalar(text("select count(*) from accounts where email = :email"), {"email": ann.email})


def test_nobody_else_s_things_are_touched(
    api: Api, env: Environment, launch: Callable[..., Launched], nothing_stopped: None
) -> None:
    leaving, other = launch(), launch()
    before = other.row()
    leave(api, leaving.owner)
    purge(api, env, leaving.owner.id)
    assert other.row() == before
    assert api.user.get("/v1/me", token=other.owner.token).status_code == 200


def test_an_account_that_was_not_purged_can_not_be_purged_in_the_other_database(
    env: Environment, launch: Callable[..., Launched]
) -> None:
    instance = launch()
    instance.put(status="'deleted'")
    with env.transaction("shared_psql", "subscribers") as db:
        db.execute(text("select purge_account(:id, 10)"), {"id": instance.owner.id})
    assert instance.row()["owner_id"] == instance.owner.id


def test_an_event_that_comes_late_is_deleted_with_the_next_pruning(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    leave(api, ann)
    purge(api, env, ann.id)
    late = {"account_id": ann.id}
    assert deliver(api, "keep_account_event", "com.botberi.account.registered.v1", ann.id, late) == 200
    assert "account_events" in found(env, ann.id)["shared_psql"]
    prune(api, "prune_shared_psql", SharedPruningFallenDue.type)
    assert "account_events" not in found(env, ann.id)["shared_psql"]


def test_it_is_forgotten_who_was_purged_once_nothing_can_come_any_more(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    leave(api, ann)
    purge(api, env, ann.id)
    with env.transaction("shared_psql", "migrator") as db:
        old = "update account_purges set purged_at = now() - interval '46 days' where account_id = :id"
        db.execute(text(old), {"id": ann.id})
    prune(api, "prune_shared_psql", SharedPruningFallenDue.type)
    assert "account_purges" not in found(env, ann.id).get("shared_psql", set())
