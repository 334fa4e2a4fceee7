"""The mail catcher of `make run`: takes every mail, sends none on, and shows them.

A page lists them, and `GET /mails?to=ann@example.com` answers the last mail to an address as JSON, with the one-time
token that it has; `&wait=10` waits for one so many seconds. It keeps the newest in memory, and listens on the loopback
interface alone.
"""

import re
import signal
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask, Response, jsonify, request
from typing_extensions import override
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from provisioning.local_settings import LOOPBACK
from tools.local.wait import until

KEPT: Final = 500
"""Mails that are kept."""

MAX_BYTES: Final = 1024 * 1024
"""Bytes of a mail that is taken."""

LONGEST_WAIT: Final = 60
"""Seconds that one may wait for a mail."""

_TOKEN: Final = re.compile(r"(?:^|#token=)([\w-]{32})$", re.MULTILINE)

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mails</title></head>
<body style="font-family: sans-serif"><h1>Mails, the newest first</h1>{mails}</body></html>
"""


@dataclass(frozen=True)
class Caught:
    """A mail."""

    to: str
    sender: str
    subject: str
    text: str
    html: str
    message_id: str
    received: str
    """RFC 3339."""
    token: str | None
    """The one-time token in the text, if there is one."""


class Catcher:
    """An SMTP server and a page of what it has taken."""

    def __init__(self) -> None:
        """Begin without a mail."""
        self.mails: deque[Caught] = deque(maxlen=KEPT)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail, once for each address."""
        parsed = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        for address in envelope.rcpt_tos:
            self.mails.append(_caught(parsed, address))
        return "250 OK"

    def last(self, address: str) -> Caught | None:
        """Return the last mail to an address, in whatever case it is written."""
        return next((mail for mail in reversed(self.mails) if mail.to.lower() == address.lower()), None)

    def app(self) -> Flask:
        """Return the page."""
        app = Flask(__name__)
        app.add_url_rule("/", view_func=self._page)
        app.add_url_rule("/mails", view_func=self._last)
        return app

    def _page(self) -> str:
        return _PAGE.format(mails="".join(_shown(mail) for mail in reversed(self.mails)))

    def _last(self) -> Response:
        address, seconds = request.args.get("to", ""), request.args.get("wait", 0, type=int)
        mail = until(lambda: self.last(address), seconds=min(seconds, LONGEST_WAIT), pause=0.05)
        response = jsonify(asdict(mail) if mail else {"detail": "There is no mail to this address yet: ?to=…"})
        response.status_code = 200 if mail else 404
        return response


def _caught(parsed: EmailMessage, address: str) -> Caught:
    text = _part(parsed, "plain")
    token = _TOKEN.search(text)
    return Caught(
        to=address,
        sender=str(parsed["From"] or ""),
        subject=str(parsed["Subject"] or ""),
        text=text,
        html=_part(parsed, "html"),
        message_id=str(parsed["Message-ID"] or ""),
        received=datetime.now(UTC).isoformat(),
        token=token[1] if token else None,
    )


def _part(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _shown(mail: Caught) -> str:
    # The text alone: whatever a mail's HTML may do, it doesn't do here.
    return (
        f"<h2>{escape(mail.subject)}</h2><p>to {escape(mail.to)}, {escape(mail.received)}</p>"
        f"<pre style='white-space: pre-wrap'>{escape(mail.text)}</pre>"
    )


class _Unlogged(WSGIRequestHandler):
    """Keeps no log of requests, which have people's addresses in them."""

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Running:
    """A catcher that takes mails."""

    catcher: Catcher
    pages: BaseWSGIServer
    """Shows them once it is told to serve."""


@contextmanager
def catching(smtp: int, page: int) -> Iterator[Running]:
    """Take mails at the port `smtp` inside the block, and listen at the port `page`."""
    catcher = Catcher()
    pages = make_server(LOOPBACK, page, catcher.app(), threaded=True, request_handler=_Unlogged)
    server = Controller(catcher, hostname=LOOPBACK, port=smtp, data_size_limit=MAX_BYTES)
    server.start()
    try:
        yield Running(catcher, pages)
    finally:
        server.stop()
        pages.server_close()


def main() -> None:
    """Run until it is told to stop, on the ports that the command line names: for SMTP, and for the page."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    smtp, page = sys.argv[1:]
    with suppress(KeyboardInterrupt), catching(int(smtp), int(page)) as running:
        running.pages.serve_forever()


if __name__ == "__main__":
    main()
