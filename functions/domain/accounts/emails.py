"""E-mail addresses: which ones an account may have, and the one form in which they are kept and compared."""

import re
import unicodedata
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

SCHEMA: Final[dict[str, JsonValue]] = {
    "format": "idn-email",
    "minLength": 6,
    "maxLength": MAX_LENGTH,
    "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
}
"""The schema of an address for OpenAPI documents. Only `normalise` checks it: its errors have a code and a reason."""


class EmailInvalid(Invalid):
    """This is not an e-mail address that an account can have: `errors` says why."""


def normalise(email: str) -> str:
    """Return the form of an address that all others are brought to. Raises EmailInvalid.

    That is in lower case, with compatible characters replaced (NFKC) and the domain as DNS has it (IDNA 2008):
    `Ann@Bücher.example` is `ann@xn--bcher-kva.example`.
    """
    _check_length(email)
    local, at, host = unicodedata.normalize("NFKC", email).partition("@")
    if not local.isascii():
        raise _api_error("email_not_ascii", "Only ASCII characters can be used before the @.")
    address = f"{local}{at}{_in_dns(host)}"
    _check_length(address)
    if not re.fullmatch(PATTERN, address):
        raise _api_error("not_an_email", "An address looks like ann@example.com.")
    return address.lower()


def _in_dns(host: str) -> str:
    """Return a domain as DNS has it; one that can't be there, as it is."""
    if host.isascii():
        return host
    # Most addresses do without its tables.
    import idna

    try:
        # Upper case, other dots and the like are mapped before, as browsers do (UTS #46).
        return idna.encode(host, uts46=True).decode()
    except UnicodeError:
        return host


def _check_length(email: str) -> None:
    if len(email) > MAX_LENGTH or email.find("@") > MAX_LOCAL:
        message = f"An address has {MAX_LENGTH} characters at most, and {MAX_LOCAL} of them before the @."
        raise _api_error("email_too_long", message)


def _api_error(code: str, message: str) -> EmailInvalid:
    return EmailInvalid(errors=[FieldError("/email", code, message)])
