"""The text of an API key, `bbk_<environment>_<random><checksum>`: told from anything else without a database.

The checksum is there for scanners that look for keys in code and logs, and so that a key with a typing mistake is
refused at once. It proves nothing: the random part does, which is why only a hash of the whole is kept.
"""

import re
import secrets
import string
import zlib
from hashlib import sha256
from typing import Final

PREFIX: Final = "bbk_"

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase

RANDOM_LENGTH: Final = 22
"""Characters, each one of 62: 130 bits."""

CHECKSUM_LENGTH: Final = 6
"""Characters, into which 32 bits fit."""

ENVIRONMENT: Final = re.compile(r"[a-z0-9]{1,16}")
"""What tells the keys of one installation from those of another."""

_FORM: Final = re.compile(
    rf"{PREFIX}{ENVIRONMENT.pattern}_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}", flags=re.ASCII
)


def new(environment: str) -> str:
    """Return a new key. Raises ValueError for an environment that isn't a short word in small letters."""
    if not ENVIRONMENT.fullmatch(environment):
        message = f"the environment of API keys is a word of at most 16 small letters and digits, not {environment!r}"
        raise ValueError(message)
    text = f"{PREFIX}{environment}_" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return text + checksum(text)


def is_meant(token: str) -> bool:
    """Return whether a token is meant to be an API key."""
    return token.startswith(PREFIX)


def is_well_formed(token: str) -> bool:
    """Return whether a token has the form of an API key, and the checksum that belongs to it."""
    if not _FORM.fullmatch(token):
        return False
    return checksum(token[:-CHECKSUM_LENGTH]) == token[-CHECKSUM_LENGTH:]


def checksum(text: str) -> str:
    """Return the CRC-32 of what stands before it in a key, in digits of base 62, the highest first."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def hashed(key: str) -> str:
    """Return the hash by which a key is kept: it is random and long, so that a slow one would add nothing."""
    return sha256(key.encode()).hexdigest()
