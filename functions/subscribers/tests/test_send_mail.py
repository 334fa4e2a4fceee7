import logging
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain.mail import transport
from testing.clients import Api
from testing.environment import Environment
from testing.mails import token_to
from testing.people import Person
from tools.local.mail_catcher import Catcher, catching
from tools.local.ports import free_ports

REGISTERED: Final = "com.botberi.account.registered.v1"
SUSPENDED: Final = "com.botberi.account.suspended.v1"
KEY_CREATED: Final = "com.botberi.api_key.created.v1"
CHANGED: Final = "com.botberi.password.changed.v1"
REPEATED: Final = "com.botberi.registration.repeated.v1"
OPENED_ELSEWHERE: Final = "com.botberi.session.opened_elsewhere.v1"
REVOKED: Final = "com.botberi.session.revoked.v1"


def tell(api: Api, event_type: str, account_id: str, event_id: str | None = None, **data: Any) -> int:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id or new_id("evt"),
        "source": "/botberi/user_psql",
        "type": event_type,
        "subject": data.get("session_id") or data.get("key_id") or account_id,
        "time": "2026-01-01T00:00:00Z",
        "data": {"account_id": account_id, **data},
    }
    return int(api.deliver("send_mail", event).status_code)


def kept(env: Environment, account_id: str) -> list[tuple[str, bytes]]:
    with env.transaction("user_psql", "migrator") as db:
        query = text("select purpose, token_hash from one_time_tokens where account_id = :id")
        return [(row.purpose, bytes(row.token_hash)) for row in db.execute(query, {"id": account_id})]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, but by the mail server, which is the test's."""
    return str([vars(record) for record in caplog.records if record.name != "mail.log"] or "")


def test_whoever_registers_is_sent_a_token_of_which_a_hash_is_kept(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person(verified=False)
    assert tell(api, REGISTERED, ann.id) == 200
    mail = mails.last(ann.email)
    assert mail is not None
    assert (mail.subject, mail.sender) == ("Verify your address", "Botberi <no-reply@botberi.example>")
    token = token_to(mails, ann.email)
    assert f"/app/verify-email#token={token}</a>" in mail.html
    [(purpose, token_hash)] = kept(env, ann.id)
    assert purpose == "email_verification"
    assert token.encode() not in token_hash


def test_a_token_is_good_as_soon_as_the_mail_is_there(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person(verified=False)
    good: list[str] = []

    async def handle(*_: object) -> str:
        good.extend(purpose for purpose, _ in kept(env, ann.id))
        return "250 OK"

    monkeypatch.setattr(mails, "handle_DATA", handle)
    assert tell(api, REGISTERED, ann.id) == 200
    assert good == ["email_verification"]


def test_an_event_is_told_once_and_a_newer_token_takes_the_place_of_the_older(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person(verified=False)
    assert [tell(api, REGISTERED, ann.id, "evt_same") for _ in range(2)] == [200, 200]
    [first] = mails.mails
    assert first.message_id == "<evt_same@botberi.example>"
    [(_, before)] = kept(env, ann.id)
    tell(api, REGISTERED, ann.id)
    assert len(mails.mails) == 2
    [(_, after)] = kept(env, ann.id)
    assert after != before


def test_nothing_is_sent_to_an_address_that_is_verified_or_to_nobody(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    assert [tell(api, REGISTERED, each) for each in (ann.id, "usr_nobody")] == [200, 200]
    assert not mails.mails


@pytest.mark.parametrize(
    ("kind", "data", "subject"),
    [
        ("factor.added", {"kind": "totp"}, "A second factor was added"),
        ("factor.removed", {"kind": "totp", "reason": "removed_by_owner"}, "Your second factor was removed"),
        ("factor.added", {"kind": "passkey"}, "A passkey was added"),
        ("factor.removed", {"kind": "passkey", "reason": "removed_by_owner"}, "A passkey was removed"),
        ("passkey.suspected", {"passkey_id": "psk_1"}, "One of your passkeys may have been copied"),
        ("recovery_code.used", {"left": 9}, "A recovery code was used"),
    ],
)
def test_people_are_told_what_happens_to_their_second_factor(
    api: Api, person: Callable[..., Person], mails: Catcher, kind: str, data: dict[str, Any], subject: str
) -> None:
    ann = person()
    assert tell(api, f"com.botberi.{kind}.v1", ann.id, **data) == 200
    assert [(mail.to, mail.subject) for mail in mails.mails] == [(ann.email, subject)]


def revoked(api: Api, person: Person, reason: str) -> int:
    return tell(api, REVOKED, person.id, session_id="ses_1", reason=reason, expires_at="2026-01-01T00:10:00Z")


def test_people_are_told_what_happened_to_their_accounts(
    api: Api, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    assert tell(api, CHANGED, ann.id) == 200
    assert tell(api, KEY_CREATED, ann.id, key_id="key_1", scopes=["user"], expires_at="2026-03-01T00:00:00Z") == 200
    assert revoked(api, ann, "refresh_token_reused") == 200
    assert tell(api, REPEATED, ann.id) == 200
    assert tell(api, SUSPENDED, ann.id, reason="They <b>sent</b> spam.") == 200
    assert [mail.subject for mail in mails.mails] == [
        "Your password was changed",
        "Your account has a new API key",
        "Somebody may have copied your log-in",
        "You have an account already",
        "Your account is suspended",
    ]
    assert "They <b>sent</b> spam." in mails.mails[-1].text
    assert "They &lt;b&gt;sent&lt;/b&gt; spam." in mails.mails[-1].html


def test_people_are_told_that_somebody_acts_for_them_why_and_until_when(
    api: Api, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    about = {"impersonator_id": "usr_1", "reason": "They see no answers.", "expires_at": "2026-01-02T03:04:00Z"}
    for session_id, may_write in (("ses_1", False), ("ses_2", True)):
        kind = "com.botberi.account.impersonated.v1"
        assert tell(api, kind, ann.id, session_id=session_id, may_write=may_write, **about) == 200
    reading, writing = (mail.text for mail in mails.mails)
    assert "They see no answers." in reading
    assert "It ends at 2026-01-02 03:04 UTC." in reading
    assert "They can change nothing, and certainly not your password" in reading
    assert "They may change things for you, but not your password" in writing


def test_people_are_told_from_where_and_with_what_somebody_logged_in(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher
) -> None:
    ann = person()
    credentials = {"email": ann.email, "password": ann.password}
    headers = {"User-Agent": "<Phone> 7", "X-Forwarded-For": "203.0.113.77"}
    assert api.user.post("/v1/auth/login", json=credentials, headers=headers).status_code == 200
    session = api.user.get("/v1/me/sessions", token=ann.token).json["items"][0]
    assert tell(api, OPENED_ELSEWHERE, ann.id, session_id=session["id"]) == 200
    assert tell(api, OPENED_ELSEWHERE, ann.id, session_id="ses_gone") == 200
    [mail] = mails.mails
    assert mail.subject == "Your account was logged in to from somewhere new"
    at = session["created_at"][:16].replace("T", " ")
    assert f"{at} UTC, from 203.0.113.0/24, with <Phone> 7" in mail.text
    assert "with &lt;Phone&gt; 7" in mail.html


@pytest.mark.parametrize("reason", ["logged_out", "password_changed", "account_suspended", "something_else"])
def test_the_usual_end_of_a_session_is_nothing_to_be_told(
    api: Api, person: Callable[..., Person], mails: Catcher, reason: str
) -> None:
    assert revoked(api, person(), reason) == 200
    assert not mails.mails


def test_a_link_leads_to_the_application_where_there_is_one(
    api: Api, person: Callable[..., Person], mails: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_URL", "https://app.example.com/")
    ann = person(verified=False)
    tell(api, REGISTERED, ann.id)
    [mail] = mails.mails
    [link] = re.findall(r"^https://app\.example\.com/verify-email#token=[\w-]{32}$", mail.text, re.MULTILINE)
    assert f'<a href="{link}">' in mail.html


def test_where_there_are_no_pages_the_mail_has_the_token_itself(
    api: Api, person: Callable[..., Person], mails: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_URL", "")
    ann = person(verified=False)
    tell(api, REGISTERED, ann.id)
    [mail] = mails.mails
    [token] = re.findall(r"^[\w-]{32}$", mail.text, re.MULTILINE)
    assert f"<code>{token}</code>" in mail.html


def test_without_a_server_nothing_is_sent_and_nothing_waits(api: Api, person: Callable[..., Person]) -> None:
    assert tell(api, REGISTERED, person(verified=False).id) == 200


def test_what_the_server_does_not_take_now_is_sent_when_it_comes_again(
    api: Api, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp, page = free_ports(2)
    monkeypatch.setenv(transport.URL, f"smtp://127.0.0.1:{smtp}")
    ann = person(verified=False)
    assert tell(api, REGISTERED, ann.id, "evt_again") == 503
    with catching(smtp, page) as running:
        assert tell(api, REGISTERED, ann.id, "evt_again") == 200
        assert running.catcher.last(ann.email)


@pytest.mark.parametrize(
    ("command", "answer", "status"),
    [
        ("RCPT", "550 5.1.1 no {to}", 200),
        ("RCPT", "553 {to}?", 200),
        ("RCPT", "550 5.7.1 you may not send to {to}", 503),
        ("RCPT", "554 5.7.1 {to}: relay access denied", 503),
        ("RCPT", "451 later {to}", 503),
        ("DATA", "554 spam to {to}", 422),
        ("DATA", "452 full {to}", 503),
        ("MAIL", "550 who are you, {to}", 503),
    ],
)
def test_what_a_server_answers_decides_and_repeats_nobody_s_address(
    api: Api,
    person: Callable[..., Person],
    mails: Catcher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    command: str,
    answer: str,
    status: int,
) -> None:
    ann = person(verified=False)

    async def refuse(*_: object) -> str:
        return answer.format(to=ann.email)

    monkeypatch.setattr(mails, f"handle_{command}", refuse, raising=False)
    with caplog.at_level(logging.DEBUG):
        assert tell(api, REGISTERED, ann.id) == status
    assert not mails.mails
    assert logged(caplog)
    assert ann.email not in logged(caplog)


def test_neither_address_nor_token_is_in_a_log_or_an_event(
    api: Api, env: Environment, person: Callable[..., Person], mails: Catcher, caplog: pytest.LogCaptureFixture
) -> None:
    ann = person(verified=False)
    with caplog.at_level(logging.DEBUG):
        tell(api, REGISTERED, ann.id)
    token = token_to(mails, ann.email)
    with env.transaction("user_psql", "migrator") as db:
        rows = [
            str(db.execute(text(f"select * from {table}")).all()) for table in ("outbox", "inbox", "one_time_tokens")
        ]
    for told in (logged(caplog), *rows):
        assert token not in told
        assert ann.email not in told


@pytest.mark.parametrize("sender", ["", "nobody", "Botberi <>"])
def test_without_a_sender_mails_wait(
    api: Api, person: Callable[..., Person], mails: Catcher, monkeypatch: pytest.MonkeyPatch, sender: str
) -> None:
    monkeypatch.setenv(transport.SENDER, sender)
    assert tell(api, REGISTERED, person(verified=False).id) == 503
    assert not mails.mails
