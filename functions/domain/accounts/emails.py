"""E-mail addresses: which ones an account may have, and the one form in which they are kept and compared."""

import re
from typing import Final

from functions.domain.refusals import FieldError, Invalid

MAX_LENGTH: Final = 254
"""Characters (RFC 5321)."""

_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

PATTERN: Final = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+$"
"""What browsers take for an e-mail address (the HTML standard), of a host with a dot."""


class EmailInvalid(Invalid):
    """This is not an e-mail address."""


def normalise(email: str) -> str:
    """Return the address in lower case, or refuse what is none."""
    if len(email) > MAX_LENGTH or not re.fullmatch(PATTERN, email):
        raise EmailInvalid(errors=[FieldError("/email", "not_an_email", EmailInvalid.message())])
    return email.lower()
