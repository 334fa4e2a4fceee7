"""Why: what an administrator is told of things that wait, each for a reason that a test has made."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.accounts import administration
from functions.domain.databases import UserDb
from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]
Ask = Callable[[str], Response]
Somebody = Callable[..., Person]

CHANGED = "com.botberi.instance.changed.v1"
WHY = {"reason": "It sends thousands of mails."}


@pytest.fixture
def ask(api: Api, person: Somebody) -> Ask:
    """`ask(id)` is what an administrator is told of it."""
    token = person(("user", "admin")).token
    return lambda an_id: api.admin.get(f"/v1/admin/why/{an_id}", token=token)


def told(answer: Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.json["now"]
    return dict(answer.json)


def run_sql(env: Environment, sql: str, database: str = "shared_psql", **values: object) -> None:
    with env.transaction(database, "migrator") as db:
        db.execute(text(sql), values)


@pytest.fixture
def running(agent_host: str, launch: Launch) -> Launched:
    instance = launch()
    converge.converge(instance.id)
    assert instance.status == "running"
    return instance


def last_event(instance: Launched) -> str:
    return str(instance.history()[-1]["id"])


def published(env: Environment) -> None:
    """Have everything in the outbox count as published."""
    run_sql(env, "update relay_cursor set s1 = pg_current_snapshot(), s2 = pg_current_snapshot()")


def handled(env: Environment, event_id: str, *but: str) -> None:
    """Have everybody who receives an event of an instance have handled it, but for some."""
    for name in {"converge_instance", "record_audit", "keep_account_event"}.difference(but):
        row = "insert into inbox (subscriber, source, id) values (:name, '/botberi/shared_psql', :id)"
        run_sql(env, row, name=name, id=event_id)


# Events.


def test_an_event_waits_in_the_outbox_while_no_relay_is_there(launch: Launch, ask: Ask) -> None:
    instance = launch()
    found = told(ask(last_event(instance)))
    assert (found["code"], found["kind"]) == ("relay_stopped", "event")
    assert "python -m events.relay shared_psql" in found["to_do"]
    assert [(link["id"], link["who"]) for link in found["chain"]] == [(last_event(instance), instance.owner.id)]


def test_an_event_that_was_published_waits_for_who_has_not_handled_it(
    launch: Launch, ask: Ask, env: Environment
) -> None:
    event_id = last_event(launch())
    published(env)
    handled(env, event_id, "converge_instance")
    found = told(ask(event_id))
    assert found["code"] == "subscriber_waiting"
    assert "converge_instance has yet to handle it" in found["now"]


def test_an_event_that_everybody_has_handled_waits_for_nothing(launch: Launch, ask: Ask, env: Environment) -> None:
    event_id = last_event(launch())
    published(env)
    handled(env, event_id)
    found = told(ask(event_id))
    assert (found["code"], found["next"], found["to_do"]) == ("event_handled", "", "")
    assert {"converge_instance", "record_audit"} <= {link["who"] for link in found["chain"]}


_DIED = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values (:id, 'botberi.converge-instance', :event, '/botberi/shared_psql', :type, 's', 'status_500', 'a bug', 16, '{}')
"""


def test_an_event_that_a_subscriber_gave_up_is_a_dead_letter(launch: Launch, ask: Ask, env: Environment) -> None:
    event_id, dead_letter = last_event(launch()), new_id("ded")
    published(env)
    run_sql(env, _DIED, id=dead_letter, event=event_id, type=CHANGED)
    for each in (event_id, dead_letter):
        found = told(ask(each))
        assert found["code"] == "event_dead"
        assert dead_letter in found["to_do"]
    run_sql(env, "delete from dead_letters where id = :id", id=dead_letter)


_DEFERRED = """
with one as (
  insert into deferred_subjects (queue, subject, attempts, due) values (:queue, :subject, 3, now())
)
insert into deferred_events (queue, subject, source, event_id, event)
values (:queue, :subject, '/botberi/' || :place, :event, 'x')
"""


@pytest.mark.parametrize(
    ("function", "database", "kind", "code"),
    [
        ("converge-instance", "shared_psql", CHANGED, "subscriber_failing"),
        ("send-mail", "user_psql", "com.botberi.password.changed.v1", "mail_server_away"),
    ],
)
def test_an_event_on_which_a_subscriber_fails_waits_in_the_retry_store(
    ask: Ask, env: Environment, function: str, database: str, kind: str, code: str
) -> None:
    event_id, subject = new_id("evt"), new_id("ins")
    emit = "select emit_event(type => :type, subject => :subject, data => '{}', id => :id)"
    run_sql(env, emit, database, type=kind, subject=subject, id=event_id)
    run_sql(env, _DEFERRED, queue=f"botberi.{function}", subject=subject, place=database, event=event_id)
    found = told(ask(event_id))
    assert (found["code"], "3 times" in found["now"]) == (code, True)


def test_an_event_tells_what_has_caused_it_and_what_it_has_caused(launch: Launch, ask: Ask, env: Environment) -> None:
    cause = last_event(launch())
    effect, subject = new_id("evt"), new_id("ins")
    emit = "select emit_event(type => :type, subject => :subject, data => '{}', id => :id, causationid => :cause)"
    run_sql(env, emit, type=CHANGED, subject=subject, id=effect, cause=cause)
    assert [link["id"] for link in told(ask(cause))["chain"]] == [cause, effect]
    assert [link["id"] for link in told(ask(effect))["chain"]] == [cause, effect]


# Runs.


@pytest.mark.usefixtures("no_runner")
def test_a_run_waits_for_a_runner_where_none_works(running: Launched, ask: Ask, env: Environment) -> None:
    run = running.ask_agent("hello").json
    assert told(ask(run["id"]))["code"] == "turn_awaited"
    past = "now() - interval '1 minute'"
    run_sql(env, f"update runs set due_at = {past}, status_at = {past} where id = :id", id=run["id"])
    found = told(ask(run["id"]))
    assert (found["code"], found["by"]) == ("runner_stopped", run["deadline_at"])
    assert told(ask(run["message_id"])) == found | {"id": run["message_id"], "kind": "message"}


RUNS: Mapping[str, str] = {
    "lease_lost": "lease_owner = 'gone', lease_expires_at = now() - interval '1 minute'",
    "agent_at_work": "lease_owner = 'runner', lease_expires_at = now() + interval '1 minute'",
    "agent_host_full": "reason = 'platform_full'",
    "agent_host_away": "reason = 'agent_unavailable'",
}


def test_a_run_waits_for_what_its_row_says(running: Launched, ask: Ask, env: Environment) -> None:
    for code, columns in RUNS.items():
        run = running.ask_agent("hello").json["id"]
        run_sql(env, f"update runs set {columns} where id = :id", id=run)
        assert told(ask(run))["code"] == code
        run_sql(env, "update runs set lease_owner = null, lease_expires_at = null where id = :id", id=run)


def test_a_run_waits_for_an_earlier_one_of_its_conversation(running: Launched, ask: Ask, api: Api) -> None:
    first = running.ask_agent("one").json
    body = {"text": "two", "conversation_id": first["conversation_id"]}
    second = api.user.post(f"{running.path}/messages", json=body, token=running.owner.token).json
    found = told(ask(second["id"]))
    assert (found["code"], first["id"] in found["to_do"]) == ("earlier_run", True)


ASKS = "def agent(request):\n    yield {'type': 'input', 'text': 'my-secret-diary', 'schema': {'type': 'integer'}}\n"


@pytest.mark.usefixtures("agent_host")
def test_a_run_whose_agent_has_asked_waits_for_its_owner_and_nothing_said_is_told(launch: Launch, ask: Ask) -> None:
    instance = launch(ASKS)
    converge.converge(instance.id)
    run = instance.say("my-secret-diary").json["id"]
    answer = ask(run)
    found = told(answer)
    assert (found["code"], f"/v1/runs/{run}/input" in found["to_do"]) == ("input_awaited", True)
    assert "Its agent asked for something." in [link["what"] for link in found["chain"]]
    assert "my-secret-diary" not in answer.text
    assert told(ask(instance.id))["code"] == "input_awaited"


def test_a_run_that_has_ended_says_how(running: Launched, ask: Ask) -> None:
    found = told(ask(running.say("hello").json["id"]))
    assert (found["code"], found["now"]) == ("run_ended", "It has ended as completed: The agent has answered.")
    happened = [link["what"] for link in found["chain"]]
    assert happened == [
        *("It was asked, by api.", "It waits for its turn."),
        *("The agent answers.", "The agent has answered."),
    ]


# Instances, and what is decided about them.


def test_an_instance_that_runs_waits_for_nothing_and_tells_its_history(running: Launched, ask: Ask) -> None:
    found = told(ask(running.id))
    assert (found["code"], found["next"]) == ("instance_running", "")
    assert [link["id"] for link in found["chain"]] == [each["id"] for each in running.history()]


STOPPED = {"status": "'stopped'", "desired_state": "'stopped'", "deadline_at": "null"}

INSTANCES: Mapping[str, Mapping[str, object]] = {
    "worker_stopped": {"due_at": "now() - interval '1 minute'"},
    "lease_lost": {"lease_owner": "'gone'", "lease_expires_at": "now() - interval '1 minute'"},
    "worker_at_work": {"lease_owner": "'worker'", "lease_expires_at": "now() + interval '1 minute'"},
    "agent_host_away": {"lease_expires_at": "null", "reason": "'host_unreachable'"},
    "retry_awaited": {"reason": "'agent_exited'", "attempts": 2, "due_at": "now() + interval '8 seconds'"},
    "agent_fails": {"status": "'failed'", "deadline_at": "null", "attempts": 5},
    "instance_stopped": STOPPED,
    "deleted": {"status": "'deleted'", "desired_state": "'deleted'", "deadline_at": "null"},
}


def test_an_instance_waits_for_what_its_row_says(launch: Launch, ask: Ask) -> None:
    instance = launch()
    for code, columns in INSTANCES.items():
        instance.put(**columns)
        assert told(ask(instance.id))["code"] == code


def test_an_instance_and_its_runs_wait_for_who_has_set_it_apart(
    running: Launched, ask: Ask, api: Api, person: Somebody
) -> None:
    run = running.ask_agent("hello").json["id"]
    token = person(("user", "admin")).token
    assert api.admin.post(f"/v1/admin/instances/{running.id}/quarantine", json=WHY, token=token).status_code == 202
    converge.converge(running.id)
    for each in (running.id, run):
        found = told(ask(each))
        assert (found["code"], WHY["reason"] in found["now"]) == ("quarantined", True)


@pytest.mark.usefixtures("nothing_stopped")
def test_what_a_kill_switch_concerns_waits_for_its_release(
    running: Launched, ask: Ask, api: Api, person: Somebody
) -> None:
    run, version = running.ask_agent("hello").json["id"], running.row()["version_id"]
    wanted = {"scope": "version", "version_id": version, "reason": "It leaks."}
    switch = api.admin.post("/v1/admin/kill-switches", json=wanted, token=person(("user", "admin")).token).json
    running.put(**STOPPED)
    for each in (running.id, run, version):
        found = told(ask(each))
        assert (found["code"], switch["id"] in found["to_do"]) == ("kill_switch", True)


def test_an_account_whose_address_is_not_verified_cannot_start_anything(
    launch: Launch, ask: Ask, person: Somebody, env: Environment
) -> None:
    assert told(ask(person(verified=False).id))["code"] == "owner_unverified"
    instance = launch()
    instance.put(**STOPPED)
    run_sql(env, "delete from verified_accounts where account_id = :id", id=instance.owner.id)
    assert told(ask(instance.id))["code"] == "owner_unverified"


_SUSPENSION = """
insert into kill_switches (id, scope, target, reason, engaged_by) values (:id, 'suspension', :owner, 'Spam.', 'system')
"""


@pytest.mark.usefixtures("nothing_stopped")
def test_an_account_that_is_suspended_holds_back_its_instances(launch: Launch, ask: Ask, env: Environment) -> None:
    instance = launch()
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), instance.owner.id, "Spam.")
    run_sql(env, _SUSPENSION, id=new_id("kil"), owner=instance.owner.id)
    instance.put(**STOPPED)
    for each in (instance.owner.id, instance.id):
        found = told(ask(each))
        assert found["code"] == "owner_suspended"
        assert f"/v1/admin/accounts/{instance.owner.id}/restore" in found["to_do"]


def test_a_budget_without_room_says_when_it_renews(running: Launched, ask: Ask) -> None:
    token, terms = running.owner.token, {"period": "day", "runs": 0}
    set_to = running.api.user.put("/v1/me/budget", json=terms, token=token, headers={"If-Match": '"0"'})
    assert set_to.status_code == 200, set_to.text
    for each in (running.id, running.owner.id):
        found = told(ask(each))
        assert (found["code"], found["by"].endswith("T00:00:00Z")) == ("budget_exhausted", True)
        assert "PUT /v1/me/budget" in found["to_do"]


def test_an_account_and_a_session_in_good_standing_wait_for_nothing(
    ask: Ask, person: Somebody, api: Api, env: Environment
) -> None:
    somebody = person()
    assert told(ask(somebody.id))["code"] == "account_open"
    [session] = api.user.get("/v1/me/sessions", token=somebody.token).json["items"]
    assert told(ask(session["id"]))["code"] == "session_open"
    end = "update sessions set revoked_at = now(), revoked_reason = 'logout' where id = :id"
    run_sql(env, end, "user_psql", id=session["id"])
    assert told(ask(session["id"]))["now"] == "It has ended: logout."


def test_a_version_tells_whether_it_can_be_launched(launch: Launch, ask: Ask, env: Environment) -> None:
    version = launch().row()["version_id"]
    assert told(ask(version))["code"] == "version_published"
    yank = "update agent_versions set status = 'yanked', status_reason = 'It leaks.' where id = :id"
    run_sql(env, yank, id=version)
    found = told(ask(version))
    assert (found["code"], found["now"]) == ("version_yanked", "Nobody can launch it: It leaks.")


def test_of_what_never_was_nothing_is_known(ask: Ask) -> None:
    for prefix in ("evt", "run", "msg", "ins", "ver", "usr", "ses", "ded"):
        for number in ("0" * 32, new_id("evt")[4:]):
            answer = ask(f"{prefix}_{number}")
            assert (answer.status_code, answer.code) == (404, "nothing_known")


def test_what_is_no_id_is_not_there(ask: Ask) -> None:
    assert {ask(each).status_code for each in ("run_1", "agt_" + "0" * 32, "x")} == {404}
