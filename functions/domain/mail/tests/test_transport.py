"""How a mail server is reached: encrypted as the setting says, and with a password that nobody overhears."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from core.tests.test_http_client import self_signed
from functions.domain.mail import transport
from tools.local.mail_catcher import Catcher
from tools.local.ports import free_ports

LOGIN: Final = ("botberi", "a:password")


def check(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    told = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == LOGIN
    return AuthResult(success=told, handled=False)


class StartTls(Controller):
    """Takes mails once the connection is encrypted."""

    def __init__(self, handler: Catcher, port: int, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__(handler, hostname="127.0.0.1", port=port)

    def factory(self) -> SMTP:
        return SMTP(
            self.handler, tls_context=self.context, require_starttls=True, authenticator=check, auth_required=True
        )


class Slow(Catcher):
    """Rests before each answer."""

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        await asyncio.sleep(0.4)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        await asyncio.sleep(0.4)
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets in which nobody logs in anywhere."""
    (tmp_path / transport.LOGIN).write_text(":\n")
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    monkeypatch.setenv(transport.SENDER, "Botberi <no-reply@botberi.example>")
    return tmp_path


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate of 127.0.0.1, which this process trusts."""
    ca, key = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca, key)
    return context


@contextmanager
def serving(controller: Controller) -> Iterator[None]:
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "no-reply@botberi.example", "ann@example.com", "Hello"
    made.set_content("Hello")
    return made


def send(monkeypatch: pytest.MonkeyPatch, scheme: str, port: int, host: str = "127.0.0.1") -> None:
    monkeypatch.setenv(transport.URL, f"{scheme}://{host}:{port}")
    transport.send(mail())


def test_after_starttls_it_logs_in_and_sends(
    monkeypatch: pytest.MonkeyPatch, certificate: ssl.SSLContext, secrets: Path
) -> None:
    (secrets / transport.LOGIN).write_text(":".join(LOGIN))
    [port], catcher = free_ports(1), Catcher()
    with serving(StartTls(catcher, port, certificate)):
        send(monkeypatch, "smtp+starttls", port)
        (secrets / transport.LOGIN).write_text("botberi:wrong")
        with pytest.raises(transport.MailNotAccepted, match="535"):
            send(monkeypatch, "smtp+starttls", port)
        # Without encryption the server would take nothing either.
        with pytest.raises(transport.MailNotAccepted, match="without encryption"):
            send(monkeypatch, "smtp", port)
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(transport.MailNotAccepted, match="SSLCertVerificationError"):
            send(monkeypatch, "smtp+starttls", port)
    assert [mail.to for mail in catcher.mails] == ["ann@example.com"]


def test_a_connection_is_encrypted_from_the_start_where_the_setting_says_so(
    monkeypatch: pytest.MonkeyPatch, certificate: ssl.SSLContext
) -> None:
    [port], catcher = free_ports(1), Catcher()
    with serving(Controller(catcher, hostname="127.0.0.1", port=port, ssl_context=certificate)):
        send(monkeypatch, "smtps", port)
        with pytest.raises(transport.MailNotAccepted, match="SSLCertVerificationError"):
            send(monkeypatch, "smtps", port, host="localhost")
    assert len(catcher.mails) == 1


def test_a_server_that_does_not_encrypt_gets_nothing_that_was_to_be_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    [port], catcher = free_ports(1), Catcher()
    with serving(Controller(catcher, hostname="127.0.0.1", port=port)):
        with pytest.raises(transport.MailNotAccepted, match="SMTPNotSupportedError"):
            send(monkeypatch, "smtp+starttls", port)
        send(monkeypatch, "smtp", port)
    assert len(catcher.mails) == 1


def test_a_server_that_is_slow_again_and_again_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    [port], catcher = free_ports(1), Slow()
    # More than any of the answers takes.
    monkeypatch.setattr(transport, "_SECONDS", 0.7)
    with (
        serving(Controller(catcher, hostname="127.0.0.1", port=port)),
        pytest.raises(transport.MailNotAccepted, match="can't be used"),
    ):
        send(monkeypatch, "smtp", port)
    assert not catcher.mails


@pytest.mark.parametrize("url", ["http://127.0.0.1", "smtp://", "127.0.0.1:25", "smtp://127.0.0.1:port"])
def test_what_is_no_address_of_a_server_is_said(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(transport.URL, url)
    with pytest.raises(transport.MailNotAccepted):
        transport.send(mail())
