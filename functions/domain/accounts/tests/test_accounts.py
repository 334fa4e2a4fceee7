import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from functions.domain.accounts import accounts, sessions
from functions.domain.accounts.refresh_tokens import RefreshToken
from functions.domain.client import NOBODY
from functions.domain.databases import UserDb
from testing.environment import Environment
from testing.people import Person
from tools.local.wait import until

PASSWORD = "a good long password"
NEW = "a staple that nobody guesses"


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def test_an_administrator_is_an_account_with_more_scopes(env: Environment) -> None:
    email = new_email()
    with env.transaction("user_psql", "admin") as db:
        accounts.create_account(UserDb(db), email, PASSWORD, ("user", "admin", "broker"))
    with env.transaction("user_psql", "user") as db:
        assert accounts.authenticate(UserDb(db), email, PASSWORD).scopes == ("user", "admin", "broker")


def test_a_scope_that_there_is_not_is_a_mistake(env: Environment) -> None:
    with env.transaction("user_psql", "user") as db, pytest.raises(ValueError, match="root"):
        accounts.create_account(UserDb(db), new_email(), PASSWORD, ("user", "root"))


def test_of_several_who_take_one_address_at_once_one_gets_it(env: Environment) -> None:
    email = new_email()

    def take(_: int) -> str:
        try:
            with env.transaction("user_psql", "user") as db:
                return accounts.create_account(UserDb(db), email, PASSWORD).id
        except accounts.EmailTaken:
            return "taken"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(take, range(3)))[:2] == ["taken", "taken"]


def test_a_suspended_account_is_told_so_only_when_the_password_is_right(env: Environment) -> None:
    email = new_email()
    with env.transaction("user_psql", "migrator") as db:
        accounts.create_account(UserDb(db), email, PASSWORD)
        db.execute(text("update accounts set suspended = true where email = :email"), {"email": email})
    with env.transaction("user_psql", "user") as db:
        with pytest.raises(accounts.AccountSuspended):
            accounts.authenticate(UserDb(db), email, PASSWORD)
        with pytest.raises(accounts.CredentialsWrong):
            accounts.authenticate(UserDb(db), email, PASSWORD + "!")


def test_a_suspended_account_can_not_refresh(env: Environment) -> None:
    with env.transaction("user_psql", "migrator") as db:
        account = accounts.create_account(UserDb(db), new_email(), PASSWORD)
        opened = sessions.open_session(UserDb(db), account, NOBODY)
        db.execute(text("update accounts set suspended = true where id = :id"), {"id": account.id})
    with env.transaction("user_psql", "user") as db, pytest.raises(accounts.AccountSuspended):
        sessions.refresh(UserDb(db), opened.refresh_token, NOBODY)


def test_revoking_a_session_twice_is_said_once(env: Environment) -> None:
    with env.transaction("user_psql", "user") as db:
        account = accounts.create_account(UserDb(db), new_email(), PASSWORD)
        session_id = RefreshToken.read(sessions.open_session(UserDb(db), account, NOBODY).refresh_token).session_id
        sessions.revoke(UserDb(db), session_id, "logged_out")
        sessions.revoke(UserDb(db), session_id, "refresh_token_reused")
    with env.transaction("user_psql", "relay") as db:
        said = db.execute(text("select data ->> 'reason' from outbox where subject = :id"), {"id": session_id})
        assert said.scalars().all() == ["logged_out"]


def test_a_log_in_that_is_going_on_while_the_password_changes_leaves_no_session(
    person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    changed = threading.Thread(target=_change, args=(env, somebody))
    with env.transaction("user_psql", "user") as db:
        account = accounts.authenticate(UserDb(db), somebody.email, somebody.password)
        changed.start()
        opened = sessions.open_session(UserDb(db), account, NOBODY)
    changed.join()
    with env.transaction("user_psql", "user") as db, pytest.raises(sessions.SessionEnded):
        sessions.refresh(UserDb(db), opened.refresh_token, NOBODY)


def test_a_log_in_with_the_password_that_is_just_being_changed_is_refused(
    person: Callable[..., Person], env: Environment
) -> None:
    somebody = person()
    refused: list[Exception] = []

    def log_in() -> None:
        try:
            with env.transaction("user_psql", "user") as db:
                accounts.authenticate(UserDb(db), somebody.email, somebody.password)
        except accounts.CredentialsWrong as api_error:
            refused.append(api_error)

    logging_in = threading.Thread(target=log_in)
    with env.transaction("user_psql", "user") as db:
        accounts.change_password(UserDb(db), somebody.id, somebody.password, NEW)
        logging_in.start()
        # It looks at the old hash, and then waits for this transaction.
        assert until(lambda: _waits(env), seconds=60)
    logging_in.join()
    assert len(refused) == 1


def _waits(env: Environment) -> bool:
    waits = (
        "select exists(select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )
    with env.transaction("user_psql", "user") as db:
        return bool(db.execute(text(waits)).scalar_one())


def _change(env: Environment, somebody: Person) -> None:
    with env.transaction("user_psql", "user") as db:
        accounts.change_password(UserDb(db), somebody.id, somebody.password, NEW)
        sessions.revoke_all(UserDb(db), somebody.id, "password_changed")
