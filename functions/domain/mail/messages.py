"""Mails as plain text and as HTML, from the same paragraphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime
from html import escape
from typing import Final

from core.configuration import setting
from functions.domain.mail import transport

APP: Final = "APP_URL"
"""Where the pages are to which mails lead."""

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">
{paragraphs}
</body>
</html>
"""


@dataclass(frozen=True)
class Token:
    """A one-time token in a mail: as a link to the page that takes it, or where there are no pages, as it is."""

    page: str
    token: str

    def text(self) -> str:
        """Return it as plain text."""
        app = setting(APP)
        # Behind a # it reaches the page's script, and no server's log on the way.
        return f"{app.rstrip('/')}/{self.page}#token={self.token}" if app else self.token

    def html(self) -> str:
        """Return it as HTML."""
        text = escape(self.text())
        return f'<a href="{text}">{text}</a>' if setting(APP) else f"<code>{text}</code>"


@dataclass(frozen=True)
class Mail:
    """What a mail says."""

    subject: str
    paragraphs: Sequence[str | Token]


def message(mail: Mail, address: str, message_id: str) -> EmailMessage:
    """Return a mail to an address; `message_id` is the same whenever it is sent again. Raises MailNotAccepted."""
    made = EmailMessage()
    made["Subject"] = mail.subject
    made["From"] = setting(transport.SENDER)
    made["To"] = address
    made["Date"] = localtime()
    made["Message-ID"] = f"<{message_id}@{transport.sender_domain()}>"
    # Nobody's absence answers it (RFC 3834).
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("\n\n".join(_text(each) for each in mail.paragraphs) + "\n")
    paragraphs = "\n".join(f"<p>{_html(each)}</p>" for each in mail.paragraphs)
    made.add_alternative(_PAGE.format(title=escape(mail.subject), paragraphs=paragraphs), subtype="html")
    return made


def _text(paragraph: str | Token) -> str:
    return paragraph.text() if isinstance(paragraph, Token) else paragraph


def _html(paragraph: str | Token) -> str:
    return paragraph.html() if isinstance(paragraph, Token) else escape(paragraph)
