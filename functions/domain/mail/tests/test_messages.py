"""What a mail is made of."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from functions.domain.mail import transport
from functions.domain.mail.messages import APP, Mail, Token, message

HOSTILE = "<script>alert(\"1\")</script> & 'more'"


def sent(mail: Mail) -> EmailMessage:
    """Return a mail as whoever receives it reads it."""
    made = message(mail, "ann@example.com", "evt_1")
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(made.as_bytes())


def html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(transport.SENDER, "Botberi <botberi@example.com>")
    monkeypatch.setenv(APP, "")


def test_no_text_is_taken_for_html() -> None:
    page = html(sent(Mail(HOSTILE, [HOSTILE, Token("verify-email", HOSTILE)])))
    assert page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#x27;more&#x27;") >= 3
    assert "<script" not in page


def test_no_text_becomes_a_header() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message(Mail("Hello\r\nBcc: bob@example.com", ["x"]), "ann@example.com", "evt_1")
    with pytest.raises(ValueError, match="linefeed"):
        message(Mail("Hello", ["x"]), "ann@example.com\r\nBcc: bob@example.com", "evt_1")
