"""E-mail addresses: which ones an account may have, and the one form in which they are kept and compared."""

import re
from typing import Final

from pydantic import JsonValue

from functions.domain.api_errors import FieldError, Invalid

MAX_LENGTH: Final = 254
"""Characters (RFC 5321)."""

MAX_LOCAL: Final = 64
"""Characters before the @ (RFC 5321)."""

_ATOM: Final = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP: Final = "[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

PATTERN: Final = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}$"
"""A dot-atom (RFC 5322) at a host with a dot, whose last label begins with a letter, as no number of a machine does."""

SCHEMA: Final[dict[str, JsonValue]] = {"format": "email", "minLength": 6, "maxLength": MAX_LENGTH, "pattern": PATTERN}
"""The schema of an address for OpenAPI documents. Only `normalise` checks it: its errors have a code and a reason."""


class EmailInvalid(Invalid):
    """This is not an e-mail address that an account can have: `errors` says why."""


def normalise(email: str) -> str:
    """Return the address in lower case. Raises EmailInvalid."""
    if not email.isascii():
        raise _api_error("email_not_ascii", "Only ASCII characters can be used; write a domain as DNS has it: xn--….")
    if len(email) > MAX_LENGTH or email.find("@") > MAX_LOCAL:
        message = f"An address has {MAX_LENGTH} characters at most, and {MAX_LOCAL} of them before the @."
        raise _api_error("email_too_long", message)
    if not re.fullmatch(PATTERN, email):
        raise _api_error("not_an_email", "An address looks like ann@example.com.")
    return email.lower()


def _api_error(code: str, message: str) -> EmailInvalid:
    return EmailInvalid(errors=[FieldError("/email", code, message)])
