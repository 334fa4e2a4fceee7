"""Sending mail by SMTP, to a server that takes it on from there."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import parseaddr
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, urlsplit

from typing_extensions import override

from core.configuration import secret, setting
from functions.domain.api_errors import Invalid, Unavailable

URL: Final = "SMTP_URL"
"""Where the server is, and how a connection to it is encrypted: `smtps://`, `smtp+starttls://`, or not: `smtp://`."""

SENDER: Final = "MAIL_FROM"
"""Who mails are from: `Botberi <no-reply@example.com>`."""

LOGIN: Final = "smtp-login"
"""The secret with the user and password of the server: `user:password`. Without a user, nobody logs in there."""

SETTINGS: Final = (URL, SENDER)

_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

_FOR_GOOD: Final = 500
"""The least code by which a server says "never" (RFC 5321)."""

_NO_SUCH_ADDRESS: Final = frozenset({550, 551, 553})
"""By which it refuses an address. By others, such as 554, it says that it takes no mail for anybody from us."""

_POLICY: Final = b"5.7."
"""How what it says begins when the address is right, and we are not (RFC 3463)."""

_CONNECT_SECONDS: Final = 5

_SECONDS: Final = 15
"""How long the server may take once it is reached, for all its answers together: a transaction is open meanwhile."""


class MailNotAccepted(Unavailable):
    """The mail server takes no mail just now."""


class MailRejected(Invalid):
    """The mail server says that it will never take this mail."""


class AddressRejected(MailRejected):
    """The mail server says that there is no such address."""


class _Bounded(smtplib.SMTP):
    """Waits for all answers together no longer than it may; smtplib knows a limit for each alone."""

    _deadline: float | None = None

    @override
    def getreply(self) -> tuple[int, bytes]:
        """Return the next answer. Raises TimeoutError, among others."""
        if self._deadline is None:
            self._deadline = monotonic() + _SECONDS
        if self.sock is not None:
            self.sock.settimeout(max(self._deadline - monotonic(), 0.001))
        return super().getreply()


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    """The same, encrypted from the start."""


def is_configured() -> bool:
    """Return whether there is a server at all; without one no mail is sent."""
    return bool(setting(URL))


def sender_domain() -> str:
    """Return the host in the sender's address. Raises MailNotAccepted when the setting is no address."""
    _, address = parseaddr(setting(SENDER))
    name, _, domain = address.rpartition("@")
    if not (name and domain):
        raise MailNotAccepted(f"{SENDER} is no address.")
    return domain


def send(message: EmailMessage) -> None:
    """Hand a mail over to the server. Raises MailNotAccepted, MailRejected and AddressRejected.

    What a server says may repeat the address, so of that nothing but its code is told.
    """
    try:
        with _connection() as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, words)] = error.recipients.values()
        if code in _NO_SUCH_ADDRESS and not words.startswith(_POLICY):
            raise AddressRejected(f"The mail server answers {code}.") from None
        raise MailNotAccepted(f"The mail server answers {code}.") from None
    except smtplib.SMTPDataError as error:
        # 4xx is "not now", as greylisting has it.
        kind = MailRejected if error.smtp_code >= _FOR_GOOD else MailNotAccepted
        raise kind(f"The mail server answers {error.smtp_code}.") from None
    except smtplib.SMTPResponseException as error:
        # The server doesn't know us or our sender: whoever runs this mends it, and the mail goes out then.
        raise MailNotAccepted(f"The mail server answers {error.smtp_code}.") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailNotAccepted(f"The mail server can't be used: {type(error).__name__}.") from None


@contextmanager
def _connection() -> Iterator[smtplib.SMTP]:
    url = urlsplit(setting(URL))
    server = _connect(url)
    try:
        user, _, password = secret(LOGIN).partition(":")
        if user:
            if url.scheme == "smtp":
                raise MailNotAccepted(f"The password isn't sent without encryption: {URL} has to say how.")
            server.login(user, password)
        yield server
    finally:
        # What was accepted is accepted, however the goodbye ends.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _connect(url: SplitResult) -> smtplib.SMTP:
    if url.scheme not in _PORTS or not url.hostname:
        raise MailNotAccepted(f"{URL} is no address of a mail server.")
    port = url.port or _PORTS[url.scheme]
    # By default the name of this machine is looked up, which may take a while and tells more than it has to.
    name = sender_domain()
    if url.scheme == "smtps":
        context = ssl.create_default_context()
        return _BoundedTls(url.hostname, port, name, timeout=_CONNECT_SECONDS, context=context)
    server = _Bounded(url.hostname, port, name, timeout=_CONNECT_SECONDS)
    if url.scheme == "smtp+starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
