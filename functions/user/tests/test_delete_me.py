"""Leaving, and coming back before it is too late."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.__main__ import botberi
from functions.domain.accounts import administration, deletion
from functions.domain.accounts.throttling import FREE
from functions.domain.databases import UserDb
from testing import mails as sending
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.factors import enrol
from testing.people import Person
from testing.responses import Response
from tools.local.mail_catcher import Catcher


def leave(api: Api, somebody: Person, token: str | None = None) -> Response:
    return api.user.delete("/v1/me", token=token or somebody.token)


def log_in(api: Api, somebody: Person, password: str | None = None) -> Response:
    body = {"email": somebody.email, "password": password or somebody.password}
    return api.user.post("/v1/auth/login", json=body)


def restore(api: Api, somebody: Person, password: str | None = None) -> Response:
    body = {"email": somebody.email, "password": password or somebody.password}
    return api.user.post("/v1/auth/restore", json=body)


def told(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.code


def said(env: Environment, somebody: Person) -> list[str]:
    with env.transaction("user_psql", "relay") as db:
        query = text("select type from outbox where data ->> 'account_id' = :id order by seq")
        return [each.removeprefix("com.botberi.") for each in db.scalars(query, {"id": somebody.id})]


def test_an_account_that_is_deleted_is_of_use_to_nobody(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    answer = leave(api, ann)
    assert answer.status_code == 202
    left = datetime.fromisoformat(answer.json["purge_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert api.user.get("/v1/me", token=ann.token).code == "session_revoked"
    assert api.user.get("/v1/me", token=key.text).code == "api_key_invalid"
    refreshed = api.user.post("/v1/auth/refresh", json={"refresh_token": ann.refresh_token})
    assert told(refreshed) == (401, "session_ended")
    assert said(env, ann)[-3:] == ["account.deleted.v1", "session.revoked.v1", "api_key.revoked.v1"]
    sending.send(api, env, ann.id)
    mail = mails.last(ann.email)
    assert mail is not None
    assert mail.subject == "Your account is deleted"
    assert answer.json["purge_at"][:10] in mail.text


def test_only_the_right_password_is_told_that_it_is_deleted_and_how_to_undo_it(
    api: Api, person: Callable[..., Person]
) -> None:
    ann = person()
    leave(api, ann)
    right = log_in(api, ann)
    assert told(right) == (403, "account_deleted")
    assert "/v1/auth/restore" in right.json["detail"]
    assert told(log_in(api, ann, "not the password")) == (401, "credentials_wrong")


def test_it_is_restored_once_by_address_and_password(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    leave(api, ann)
    assert told(restore(api, ann, "not the password")) == (401, "credentials_wrong")
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(each.status_code for each in pool.map(lambda who: restore(api, who), [ann, ann]))
    assert answers == [204, 409]
    assert told(restore(api, ann)) == (409, "account_not_deleted")
    assert api.user.get("/v1/me", token=ann.token).code == "session_revoked"
    token = log_in(api, ann).json["access_token"]
    assert api.user.get("/v1/me", token=token).json["id"] == ann.id
    assert said(env, ann).count("account.restored.v1") == 1
    sending.send(api, env, ann.id)
    mail = mails.last(ann.email)
    assert mail is not None
    assert mail.subject == "Your account can be used again"


def test_an_account_that_is_not_deleted_and_one_that_is_not_there_are_not_restored(
    api: Api, person: Callable[..., Person]
) -> None:
    ann = person()
    assert told(restore(api, ann)) == (409, "account_not_deleted")
    assert log_in(api, ann).status_code == 200
    nobody = {"email": "nobody@example.com", "password": ann.password}
    assert told(api.user.post("/v1/auth/restore", json=nobody)) == (401, "credentials_wrong")


def test_guesses_at_the_password_wait(api: Api, person: Callable[..., Person]) -> None:
    ann = person()
    leave(api, ann)
    answers = [told(restore(api, ann, "not the password")) for _ in range(FREE + 1)]
    assert answers == [(401, "credentials_wrong")] * FREE + [(429, "too_many_guesses")]


def test_whoever_is_suspended_does_not_get_out_of_it_by_restoring(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    leave(api, ann)
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), ann.id, "a test")
    assert told(restore(api, ann)) == (403, "account_suspended")
    assert told(log_in(api, ann)) == (403, "account_suspended")


def test_an_administrator_restores_it_too(api: Api, env: Environment, person: Callable[..., Person]) -> None:
    ann = person()
    leave(api, ann)
    shown = CliRunner().invoke(botberi, ["users", "show", ann.email])
    assert "deleted" in shown.output
    done = [CliRunner().invoke(botberi, ["users", "restore", ann.id, "--reason", "They asked."]) for _ in range(2)]
    assert [each.output.strip() for each in done] == [
        f"{ann.id} is restored",
        f"{ann.id} was neither suspended nor deleted",
    ]
    assert log_in(api, ann).status_code == 200


def test_a_mail_that_was_sent_before_brings_nothing_back(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    api.user.post("/v1/auth/password/forgot", json={"email": ann.email})
    sending.send(api, env, ann.id)
    token = sending.token_to(mails, ann.email)
    leave(api, ann)
    body = {"token": token, "new_password": "a staple that nobody guesses"}
    assert told(api.user.post("/v1/auth/password/reset", json=body)) == (410, "token_expired_or_used")


def test_an_old_log_in_a_program_and_one_factor_of_two_are_not_enough(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    ann = person()
    key = people.api_key(api, env, ann)
    assert told(leave(api, ann, key.text)) == (403, "session_required")
    assert told(leave(api, ann, people.logged_in(ann, age=11 * 60))) == (401, "reauthentication_required")
    enrol(api, ann)
    assert told(leave(api, ann, people.logged_in(ann, aal=1))) == (403, "insufficient_aal")
    assert leave(api, ann, people.logged_in(ann, aal=2)).status_code == 202
    assert told(leave(api, ann, people.logged_in(ann, aal=2))) == (401, "session_revoked")


def test_how_long_that_takes_is_a_setting(
    api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(deletion.SETTING, "2")
    left = datetime.fromisoformat(leave(api, person()).json["purge_at"]) - datetime.now(UTC)
    assert timedelta(days=1) < left <= timedelta(days=2)


def test_an_address_is_in_no_log_and_no_event(
    api: Api, env: Environment, person: Callable[..., Person], caplog: pytest.LogCaptureFixture
) -> None:
    ann = person()
    with caplog.at_level(logging.DEBUG):
        texts = [leave(api, ann).text, log_in(api, ann).text, restore(api, ann).text]
    texts.append(str([vars(record) for record in caplog.records]))
    with env.transaction("user_psql", "migrator") as db:
        texts += [str(db.execute(text(f"select * from {table}")).all()) for table in ("outbox", "inbox", "guesses")]
    for each in texts:
        assert ann.email not in each
        assert ann.password not in each
