"""Each part's role has the rights that its functions use, and no more."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from functions.runtime.environment import environment
from functions.runtime.functions import declarations
from provisioning import local_settings
from testing.environment import Environment
from tools.manifests import rights
from tools.manifests.services import SERVICES

FORBIDDEN = [
    ("shared_psql", "user", "select 1 from bundles"),
    ("shared_psql", "user", "update instances set status = 'running'"),
    ("shared_psql", "user", "update agents set name = 'x'"),
    ("shared_psql", "admin", "update agent_versions set number = '9.9.9'"),
    ("shared_psql", "admin", "update instances set status = 'running'"),
    *(
        (database, "admin", statement)
        for database in ("user_psql", "shared_psql")
        for statement in (
            "delete from audit_entries",
            "update audit_entries set actor = 'nobody'",
            "insert into audit_entries select * from audit_entries",
            "truncate audit_entries, audit_parties",
            "insert into audit_seals select * from audit_seals",
            "update audit_anchors set document = ''",
        )
    ),
    ("shared_psql", "subscribers", "select response from idempotency_keys"),
    ("shared_psql", "subscribers", "select 1 from deferred_events"),
    ("shared_psql", "admin", "select event from deferred_events"),
    ("shared_psql", "worker", "select 1 from outbox"),
    ("shared_psql", "worker", "delete from instances"),
    ("shared_psql", "broker", "select 1 from instances"),
    ("shared_psql", "broker", "select 1 from outbox"),
    ("shared_psql", "broker", "select 1 from publishers"),
    ("shared_psql", "broker", "select 1 from publisher_keys"),
    ("shared_psql", "broker", "insert into publisher_keys (hash, publisher_id) values ('x', 'pub_1')"),
    ("shared_psql", "admin", "select hash from publisher_keys"),
    ("shared_psql", "admin", "delete from publishers"),
    ("shared_psql", "admin", "update publishers set sources = '{/}'"),
    ("shared_psql", "user", "select publisher_of('x')"),
    ("shared_psql", "worker", "select event_body('/example/crm', 'x')"),
    ("shared_psql", "relay", "select lock_subjects('{x}')"),
    ("user_psql", "gateway", "select emit_event('com.botberi.session.revoked.v1', 's', '{}')"),
    ("shared_psql", "broker", "update dead_letters set resolution = 'discarded'"),
    ("shared_psql", "broker", "update parked_events set resolution = 'discarded'"),
    ("user_psql", "broker", "select 1 from outbox"),
    ("user_psql", "broker", "delete from parked_events"),
    ("user_psql", "user", "select 1 from all_dead_letters"),
    ("user_psql", "user", "select resolve_dead_letters('{}', 'discarded', 'usr_1', 'none')"),
    ("shared_psql", "subscribers", "select * from event_path_status(1)"),
    ("shared_psql", "gateway", "select 1 from instances"),
    ("shared_psql", "gateway", "delete from revoked_sessions"),
    ("shared_psql", "subscribers", "delete from revoked_sessions"),
    ("shared_psql", "subscribers", "update revoked_sessions set expires_at = now()"),
    *(("shared_psql", role, "insert into verified_accounts values ('usr_1')") for role in ("user", "admin", "broker")),
    ("shared_psql", "user", "select verified_at from verified_accounts"),
    ("shared_psql", "subscribers", "update verified_accounts set account_id = 'usr_other'"),
    ("shared_psql", "subscribers", "delete from verified_accounts"),
    ("shared_psql", "relay", "delete from outbox"),
    ("shared_psql", "relay", "delete from cron_slots"),
    ("shared_psql", "relay", "select 1 from instances"),
    *(
        ("shared_psql", role, "select 1 from instance_secrets")
        for role in ("admin", "broker", "subscribers", "relay", "gateway", "exporter", "pgbouncer")
    ),
    ("shared_psql", "user", "delete from instance_secrets"),
    *(("shared_psql", role, "update instance_secrets set sealed = ''") for role in ("user", "worker")),
    ("shared_psql", "worker", "update instance_secrets set wrapped_key = ''"),
    ("user_psql", "user", "select 1 from outbox"),
    ("user_psql", "user", "delete from accounts"),
    ("user_psql", "admin", "select password_hash from accounts"),
    ("user_psql", "broker", "select 1 from accounts"),
    ("user_psql", "subscribers", "select password_hash from accounts"),
    ("user_psql", "subscribers", "select scopes from accounts"),
    ("user_psql", "subscribers", "update accounts set verified_at = now()"),
    ("user_psql", "subscribers", "select token_hash from one_time_tokens"),
    ("user_psql", "subscribers", "delete from one_time_tokens"),
    ("user_psql", "user", "insert into one_time_tokens values ('usr_1', 'password_reset', '', now())"),
    ("user_psql", "user", "update one_time_tokens set expires_at = now()"),
    ("user_psql", "admin", "select 1 from one_time_tokens"),
    ("user_psql", "subscribers", "select secret_hash from sessions"),
    ("user_psql", "subscribers", "select response from idempotency_keys"),
    ("user_psql", "worker", "select 1 from accounts"),
    ("user_psql", "gateway", "select 1 from accounts"),
    ("user_psql", "relay", "select 1 from accounts"),
    ("user_psql", "user", "insert into accounts (id, email, password_hash, scopes) values ('', '', '', '{admin}')"),
    ("user_psql", "user", "update accounts set scopes = '{admin}'"),
    ("user_psql", "user", "update accounts set suspended = false"),
    ("user_psql", "user", "update accounts set email = ''"),
    ("user_psql", "user", "update sessions set account_id = 'usr_other'"),
    ("user_psql", "user", "insert into sessions (id, revoked_at) values ('ses_1', now())"),
    ("user_psql", "user", "delete from sessions"),
    ("user_psql", "admin", "update accounts set email = 'x@example.com'"),
    ("user_psql", "admin", "update accounts set password_hash = ''"),
    ("user_psql", "admin", "select secret_hash from sessions"),
    ("user_psql", "admin", "select token_key from sessions"),
    ("user_psql", "admin", "update sessions set expires_at = 'infinity'"),
    ("user_psql", "admin", "delete from sessions"),
    ("user_psql", "user", "insert into totp_factors (account_id, confirmed_at) values ('usr_1', now())"),
    ("user_psql", "user", "update totp_factors set account_id = 'usr_other'"),
    ("user_psql", "user", "update recovery_codes set account_id = 'usr_other'"),
    ("user_psql", "user", "update mfa_challenges set account_id = 'usr_other'"),
    ("user_psql", "user", "update sessions set authenticated_at = now()"),
    ("user_psql", "admin", "select sealed from totp_factors"),
    ("user_psql", "admin", "insert into totp_factors (account_id) values ('usr_1')"),
    ("user_psql", "admin", "update totp_factors set confirmed_at = now()"),
    ("user_psql", "admin", "select code_hash from recovery_codes"),
    ("user_psql", "admin", "insert into recovery_codes (account_id) values ('usr_1')"),
    ("user_psql", "admin", "select challenge_hash from mfa_challenges"),
    ("user_psql", "admin", "update sessions set aal = 2"),
    ("user_psql", "user", "update passkeys set account_id = 'usr_other'"),
    ("user_psql", "user", "update passkeys set public_key = ''"),
    ("user_psql", "admin", "select credential_id from passkeys"),
    ("user_psql", "admin", "insert into passkeys (account_id) values ('usr_1')"),
    ("user_psql", "admin", "update passkeys set name = ''"),
    *(
        ("user_psql", role, f"select 1 from {table}")
        for role in ("broker", "subscribers", "worker", "gateway", "relay")
        for table in ("totp_factors", "recovery_codes", "mfa_challenges", "passkeys")
    ),
    ("user_psql", "broker", "select secret_hash from sessions"),
    ("user_psql", "broker", "select account_id from sessions"),
    ("user_psql", "broker", "update sessions set revoked_at = now()"),
    ("user_psql", "subscribers", "select account_id from sessions"),
    ("user_psql", "subscribers", "delete from sessions"),
    ("user_psql", "subscribers", "delete from inbox"),
    ("user_psql", "subscribers", "delete from idempotency_keys"),
    ("shared_psql", "subscribers", "select config from instances"),
    ("shared_psql", "subscribers", "delete from revoked_sessions"),
    ("shared_psql", "subscribers", "truncate revoked_sessions"),
    ("shared_psql", "subscribers", "update revoked_sessions set expires_at = now()"),
    ("shared_psql", "subscribers", "delete from inbox"),
    ("shared_psql", "subscribers", "delete from cron_slots"),
    ("shared_psql", "worker", "update instances set owner_id = 'usr_other'"),
    ("shared_psql", "worker", "update instances set desired_state = 'running'"),
    ("shared_psql", "worker", "update instances set version_id = 'ver_other'"),
    ("shared_psql", "worker", "select 1 from revoked_sessions"),
    ("shared_psql", "user", "insert into revoked_sessions values ('ses_1', now())"),
    ("shared_psql", "user", "select remember_revoked('ses_1', now())"),
    *(
        ("shared_psql", role, "select 1 from api_keys")
        for role in ("user", "admin", "broker", "subscribers", "worker", "gateway", "relay")
    ),
    ("shared_psql", "user", "select record_api_key('key_1', 'x', 'usr_1', '{admin}', now())"),
    ("shared_psql", "gateway", "select revoke_api_key('key_1', now())"),
    ("shared_psql", "gateway", "select api_key_uses('{key_1}')"),
    ("user_psql", "user", "select hash from api_keys"),
    ("user_psql", "user", "update api_keys set scopes = '{admin}'"),
    ("user_psql", "user", "update api_keys set expires_at = 'infinity'"),
    ("user_psql", "user", "delete from api_keys"),
    ("user_psql", "admin", "select hash from api_keys"),
    ("user_psql", "admin", "insert into api_keys (id, account_id) values ('key_1', 'usr_1')"),
    *(("user_psql", role, "select 1 from api_keys") for role in ("broker", "subscribers", "worker", "relay")),
    ("user_psql", "user", "select api_key_to_record('key_1')"),
    ("user_psql", "worker", "select api_key_of('x')"),
    *(
        (database, role, statement)
        for database in ("user_psql", "shared_psql")
        for role in ("user", "broker", "subscribers", "worker", "relay", "gateway", "runner")
        for statement in ("select 1 from audit_entries", "select 1 from audit_parties", "select 1 from audit_queue")
    ),
    *(
        (database, role, f"select append_audit_entry('{origin}', 'usr_1', 'x', '{{}}', 'succeeded', '{{}}')")
        for database in ("user_psql", "shared_psql")
        for role, origins in (
            ("user", ("command", "event")),
            *((role, ("event",)) for role in ("admin", "broker")),
            ("subscribers", ("request", "command")),
            *((role, ("request", "command", "event")) for role in ("worker", "runner", "relay", "gateway", "exporter")),
        )
        for origin in origins
    ),
    *(
        (database, role, f"select {function}")
        for database in ("user_psql", "shared_psql")
        for role in ("user", "broker", "worker", "relay", "gateway")
        for function in (
            "seal_audit_entries(1)",
            "append_audit_anchor(1, 1, 1, '', '')",
            "erase_audit_details('usr_1', 1)",
        )
    ),
    *((database, "admin", "select erase_audit_details('usr_1', 1)") for database in ("user_psql", "shared_psql")),
    *((database, "admin", "select append_audit_anchor(1, 1, 1, '', '')") for database in ("user_psql", "shared_psql")),
]


@pytest.mark.parametrize(("database", "role"), sorted({(database, role) for database, role, _ in FORBIDDEN}))
def test_a_part_may_not(env: Environment, database: str, role: str) -> None:
    statements = [statement for *part, statement in FORBIDDEN if part == [database, role]]
    assert allowed(env, database, role, [*statements, "create table mine (id int)"]) == []


def allowed(env: Environment, database: str, role: str, statements: list[str]) -> list[str]:
    """Return the statements that Postgres doesn't refuse to a role for want of rights; none is kept."""
    found = []
    with env.transaction(database, role) as connection:
        for statement in statements:
            with connection.begin_nested() as attempt:
                try:
                    connection.execute(text(statement))
                except ProgrammingError as error:
                    if "'42501'" not in str(error):
                        raise
                else:
                    found.append(statement)
                attempt.rollback()
    return found


def test_what_has_expired_is_forgotten_when_a_session_ends_and_nothing_else(env: Environment) -> None:
    with env.transaction("shared_psql", "subscribers") as db:
        for session, end in (("ses_past", "-1 hour"), ("ses_long", "2 hours"), ("ses_long", "1 minute")):
            record = text("select remember_revoked(:session, now() + cast(:end as interval))")
            db.execute(record, {"session": session, "end": end})
    with env.transaction("shared_psql", "user") as db:
        left = (
            "select session_id, expires_at > now() + interval '1 hour' from revoked_sessions"
            " where session_id in ('ses_past', 'ses_long')"
        )
        assert [tuple(row) for row in db.execute(text(left))] == [("ses_long", True)]


@pytest.mark.usefixtures("env")
def test_the_page_of_rights_says_what_the_databases_say() -> None:
    assert (local_settings.ROOT / rights.FILE).read_text(encoding="utf-8") == rights.page(), "run `make schema`"


def test_nothing_that_runs_has_the_password_of_the_migrator_or_of_a_superuser() -> None:
    of_parts = [name for part in SERVICES if not part.once for name in part.secrets]
    given = [*of_parts, *(name for each in declarations() for name in environment(each).secrets)]
    assert "shared-psql-worker" in given
    for nobody in ("psql-migrator", "psql-superuser", "user-redis-admin", "event-bus-admin"):
        assert [name for name in given if name.endswith(nobody)] == []
