"""Passwords: which ones are accepted, and how they are kept: as argon2id hashes."""

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from functions.domain.api_errors import FieldError, Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 1024
"""Characters."""

NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$6zd/q3Q62WVAu+yPRgcFAA$3puY6sjS/F0slekPFyQMax8QcEQRDT6DhizPZ4TcdJA"
"""A hash to verify against where there is no account, so that the answer takes as long as if there were one."""


class PasswordUnfit(Invalid):
    """This password can't be used: `errors` says why."""


def check(password: str, email: str) -> None:
    """Raise PasswordUnfit for a password that is too short, too long, or the account's own e-mail address."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
        raise PasswordUnfit(errors=[FieldError("/password", "password_length", message)])
    if _canonical(password).casefold() == email.casefold():
        message = "A password must not be the e-mail address of its account."
        raise PasswordUnfit(errors=[FieldError("/password", "password_is_email", message)])


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt in it."""
    return _hasher().hash(_canonical(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Return whether a password belongs to a hash. Without a hash, return False after as long as a check takes."""
    from argon2.exceptions import VerifyMismatchError

    try:
        _hasher().verify(password_hash or NOBODYS, _canonical(password))
    except VerifyMismatchError:
        return False
    return password_hash is not None


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    # OWASP's parameters of equal strength with the least memory and one lane: a login function has one processor, and
    # each hash that it works on at a time takes this much of its memory.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _canonical(password: str) -> str:
    # The same characters typed on another system may arrive composed differently.
    return unicodedata.normalize("NFKC", password)
