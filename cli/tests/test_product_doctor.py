"""The doctor finds what is the matter with what runs for people: each fault is planted, and named."""

from collections.abc import Callable, Mapping

import click
import pytest
from sqlalchemy import text

from cli import doctor
from core.ids import new_id
from functions.jobs import converge
from testing.environment import Environment
from testing.launches import Launched

Launch = Callable[..., Launched]
PAST = "now() - interval '2 minutes'"

INSTANCES: Mapping[str, Mapping[str, object]] = {
    "stuck": {"deadline_at": PAST},
    "overdue": {"due_at": PAST},
    "failing": {"status": "'failed'", "deadline_at": "null", "attempts": 5},
    "quarantined": {"quarantined_at": "now()", "quarantined_by": "'usr_1'", "quarantine_reason": "'spam'"},
    "agent host away": {"deadline_at": "now() + interval '1 minute'", "reason": "'host_unreachable'"},
}

RUNS = {
    "stuck": f"lease_owner = 'gone', lease_expires_at = {PAST}",
    "overdue": f"lease_owner = null, lease_expires_at = null, deadline_at = {PAST}",
    "agent host full": "reason = 'platform_full'",
    "runner stopped": f"reason = 'accepted', due_at = {PAST}, status_at = {PAST}",
}

_DEFERRED = "insert into deferred_subjects (queue, subject, attempts, due) values ('botberi.send-mail', :id, 3, now())"
_DIED = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values (:id, 'botberi.send-mail', :id, '/botberi/user_psql', 't', 's', 'status_500', 'a bug', 16, '{}')
"""
_SWITCH = "insert into kill_switches (id, scope, target, reason, engaged_by) values (:id, 'owner', :id, 'x', 'y')"


def told(where: str) -> dict[str, str]:
    """Return what is told of something, with the remedies."""
    with click.Context(doctor.doctor, info_name="botberi doctor"):
        return {what: remedy for place, what, remedy in doctor.found() if place == where}


def names(where: str, trouble: str, an_id: str) -> bool:
    return any(f" {trouble}: " in what and an_id in what and remedy for what, remedy in told(where).items())


def run_sql(env: Environment, sql: str, an_id: str) -> None:
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text(sql), {"id": an_id})


def test_what_is_the_matter_with_an_instance_is_found(launch: Launch) -> None:
    instance = launch()
    for trouble, columns in INSTANCES.items():
        instance.put(**columns)
        assert names("instances", trouble, instance.id), trouble


@pytest.mark.usefixtures("agent_host", "no_runner")
def test_what_is_the_matter_with_a_run_is_found(launch: Launch, env: Environment) -> None:
    instance = launch()
    converge.converge(instance.id)
    run = instance.ask_agent("hello").json["id"]
    for trouble, columns in RUNS.items():
        run_sql(env, f"update runs set {columns} where id = :id", run)
        assert names("runs", trouble, run), trouble


@pytest.mark.usefixtures("nothing_stopped")
def test_mails_that_fail_dead_letters_and_kill_switches_are_found(env: Environment) -> None:
    an_id = new_id("ded")
    for sql in (_DEFERRED, _DIED, _SWITCH):
        run_sql(env, sql, an_id)
    assert names("subscribers", "mail server away", "botberi.send-mail")
    assert names("events", "dead", an_id)
    assert any("engaged" in what for what in told("kill switches"))
    run_sql(env, "delete from deferred_subjects where subject = :id", an_id)
    run_sql(env, "delete from dead_letters where id = :id", an_id)


@pytest.mark.parametrize(("store", "noted"), [("file:///anchors", 1), ("s3://anchors", 0), ("", 0)])
def test_where_anchors_are_is_noted_if_they_are_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, store: str, noted: int
) -> None:
    monkeypatch.setenv("AUDIT_STORE", store)
    assert sum("AUDIT_STORE" in note for note in doctor.notes()) == noted
