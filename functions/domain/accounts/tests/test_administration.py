import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cli.__main__ import botberi
from core.ids import new_id
from functions.domain.accounts import accounts, administration, sessions
from functions.domain.api_errors import NotFound
from functions.domain.client import NOBODY
from functions.domain.databases import UserDb
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

Somebody = Callable[..., Person]


@contextmanager
def administrating(env: Environment) -> Iterator[UserDb]:
    with env.transaction("user_psql", "admin") as db:
        yield UserDb(db)


def said(env: Environment, account_id: str) -> list[tuple[str, str]]:
    """Return type and reason of what was said of an account, in its order."""
    query = text(
        "select type, data ->> 'reason' as reason from outbox where data ->> 'account_id' = :id and data ? 'reason'"
        " order by seq"
    )
    with env.transaction("user_psql", "relay") as db:
        return [(row.type.split(".", 2)[2], row.reason) for row in db.execute(query, {"id": account_id})]


def test_suspending_ends_every_session_and_restoring_opens_none(api: Api, person: Somebody, env: Environment) -> None:
    somebody = person()
    login = {"email": somebody.email, "password": somebody.password}
    other = api.user.post("/v1/auth/login", json=login).json["access_token"]
    with administrating(env) as db:
        assert administration.suspend(db, somebody.id, "spam") is True
        assert administration.suspend(db, somebody.id, "again") is False
    codes = [api.user.get("/v1/me", token=token).code for token in (somebody.token, other)]
    assert codes == ["session_revoked", "session_revoked"]
    assert api.user.post("/v1/auth/login", json=login).code == "account_suspended"
    with administrating(env) as db:
        assert administration.restore(db, somebody.id, "a mistake") is True
        assert administration.restore(db, somebody.id, "again") is False
    assert api.user.get("/v1/me", token=somebody.token).code == "session_revoked"
    assert api.user.post("/v1/auth/login", json=login).status_code == 200
    assert said(env, somebody.id) == [
        ("account.suspended.v1", "spam"),
        *[("session.revoked.v1", "account_suspended")] * 2,
        ("account.restored.v1", "a mistake"),
    ]


@pytest.mark.parametrize(
    ("scopes", "code"),
    [(("user",), 401), (("admin",), 401), (("user", "broker"), 401), (("user", "admin", "broker"), 200)],
)
def test_losing_a_scope_ends_the_sessions_and_winning_one_does_not(
    api: Api, person: Somebody, env: Environment, scopes: tuple[str, ...], code: int
) -> None:
    # Another is left when this one is none any more.
    somebody, _ = person(scopes=("user", "admin")), person(scopes=("user", "admin"))
    with administrating(env) as db:
        assert administration.change_scopes(db, somebody.id, scopes, "another job") is True
        assert administration.change_scopes(db, somebody.id, scopes, "another job") is False
    assert api.user.get("/v1/me", token=somebody.token).status_code == code
    ended = [("session.revoked.v1", "scopes_withdrawn")] if code == 401 else []
    assert said(env, somebody.id) == [("account.scopes_changed.v1", "another job"), *ended]


def test_whoever_logs_in_while_being_suspended_keeps_no_session(person: Somebody, env: Environment) -> None:
    somebody = person()
    suspending = threading.Thread(target=_suspend, args=(env, somebody))
    with env.transaction("user_psql", "user") as db:
        account = accounts.authenticate(UserDb(db), somebody.email, somebody.password)
        # It waits for this transaction.
        suspending.start()
        opened = sessions.open_session(UserDb(db), account, NOBODY)
    suspending.join()
    with env.transaction("user_psql", "user") as db, pytest.raises(sessions.SessionEnded):
        sessions.refresh(UserDb(db), opened.refresh_token, NOBODY)


def test_whoever_was_suspended_since_the_password_was_checked_gets_no_session(
    person: Somebody, env: Environment
) -> None:
    somebody = person()
    with env.transaction("user_psql", "user") as db:
        account = accounts.authenticate(UserDb(db), somebody.email, somebody.password)
    _suspend(env, somebody)
    with env.transaction("user_psql", "user") as db, pytest.raises(accounts.AccountSuspended):
        sessions.open_session(UserDb(db), account, NOBODY)


def _suspend(env: Environment, somebody: Person) -> None:
    with administrating(env) as db:
        administration.suspend(db, somebody.id, "spam")


def test_what_there_is_not_is_refused(env: Environment) -> None:
    with administrating(env) as db, pytest.raises(NotFound):
        administration.suspend(db, "usr_nobody", "spam")
    with administrating(env) as db, pytest.raises(administration.ScopeUnknown):
        administration.change_scopes(db, "usr_nobody", ["root"], "a joke")


def test_a_session_that_has_ended_never_comes_back(api: Api, person: Somebody, env: Environment) -> None:
    somebody = person()
    api.user.post("/v1/auth/logout", token=somebody.token)
    revive = text("update sessions set revoked_at = null where account_id = :id")
    for role in ("user", "admin"):
        with pytest.raises(ProgrammingError, match="23001"), env.transaction("user_psql", role) as db:
            db.execute(revive, {"id": somebody.id})


def command(*words: str, ends_with: int = 0) -> Any:
    done = CliRunner().invoke(botberi, ["users", *words])
    assert done.exit_code == ends_with, f"{done.output} {done.exception!r}"
    return done.output


def test_the_command_does_all_of_it_and_says_who_did(person: Somebody, env: Environment) -> None:
    somebody = person()
    assert command("suspend", somebody.email, "--reason", "spam") == f"{somebody.id} is suspended\n"
    assert command("suspend", somebody.id, "--reason", "spam") == f"{somebody.id} was suspended before\n"
    assert "suspended" in command("show", somebody.email)
    assert command("restore", somebody.id, "--reason", "a mistake") == f"{somebody.id} is restored\n"
    assert command("scopes", somebody.id, "user", "broker", "--reason", "a job").endswith("now has user broker\n")
    assert "There is no" in command("suspend", "nobody@example.com", "--reason", "spam", ends_with=1)
    with env.transaction("user_psql", "relay") as db:
        actors = db.scalars(text("select distinct actor from outbox where subject = :id"), {"id": somebody.id}).all()
    assert {actor.partition(":")[0] for actor in actors} == {somebody.id, "command-line"}


def test_an_administrator_is_made_by_the_command(api: Api) -> None:
    email = f"{new_id('usr')}@example.com"
    create = ("users", "create", email, "--scope", "user", "--scope", "admin")
    weak = CliRunner().invoke(botberi, create, input="short\n")
    assert (weak.exit_code, "12 to 1024 characters" in weak.output) == (1, True), weak.output
    made = CliRunner().invoke(botberi, create, input="a password of some length\n")
    assert made.output.endswith("is there, and may do user admin\n"), made.output
    taken = CliRunner().invoke(botberi, create, input="a password of some length\n")
    assert (taken.exit_code, "already" in taken.output) == (1, True), taken.output
    answer = api.user.post("/v1/auth/login", json={"email": email, "password": "a password of some length"})
    token = answer.json["access_token"]
    assert api.admin.get("/v1/admin/agents", token=token).status_code == 200
    # Without a second factor they see the catalog alone.
    assert api.admin.get("/v1/admin/accounts", token=token).code == "insufficient_aal"
    assert api.user.get("/v1/me", token=answer.json["access_token"]).json["email_verified"]
