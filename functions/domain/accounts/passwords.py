"""Passwords: which ones are accepted, and how they are kept: as argon2id hashes."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from core.configuration import setting
from functions.domain.api_errors import FieldError, Invalid, Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 1024
"""Characters."""

SETTING: Final = "ARGON2_KIB"
"""How much memory a hash takes. Hashes that took another amount are made anew when their owners log in."""

_KIB: Final = 19 * 1024

COMMON: Final = Path(__file__).with_name("common_passwords.txt")
"""Of the hundred thousand passwords most found in leaks, as the United Kingdom's NCSC has published them, those
that are long enough for an account, with their case folded.
"""

EXPECTED: Final = ("botberi", "administrator")
"""Words that whoever guesses here would try with a few characters around them, in lower case."""

_REST: Final = 8
"""The characters that a password has to have beside such words."""

_PIECE: Final = 8
"""The characters of the longest piece that a password must not be a repetition of."""

_SLOTS: Final = BoundedSemaphore(4)
"""Hashes that are worked on at a time in one process, each of which takes that much of its memory."""

_SLOT_SECONDS: Final = 5


class TooManyPasswords(Unavailable):
    """Too many people log in just now: try again shortly."""


class PasswordUnfit(Invalid):
    """This password can't be used: `errors` says why."""


def check(password: str, email: str, pointer: str = "/password") -> None:
    """Raise PasswordUnfit for one of another length, the account's own address, or what others would try first.

    `pointer` is where it stood in the request.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
        raise PasswordUnfit(errors=[FieldError(pointer, "password_length", message)])
    folded = _canonical(password).casefold()
    if folded in _common() or _is_repetition(folded) or len(_without_expected(folded)) < _REST:
        message = "This is among the first passwords that others would try. Take words that don't belong together."
        raise PasswordUnfit(errors=[FieldError(pointer, "password_common", message)])
    if folded == email.casefold():
        message = "A password must not be the e-mail address of its account."
        raise PasswordUnfit(errors=[FieldError(pointer, "password_is_email", message)])


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt in it."""
    with _slot():
        return _hasher().hash(_canonical(password))


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with other parameters than new ones are."""
    return _hasher().check_needs_rehash(password_hash)


def matches(password: str, password_hash: str | None) -> bool:
    """Return whether a password belongs to a hash. Without a hash, return False after as long as a check takes."""
    from argon2.exceptions import VerifyMismatchError

    # Made whether it is needed or not, or the first unknown address would take longer than all after it.
    nobodys = _nobodys()
    try:
        with _slot():
            _hasher().verify(password_hash or nobodys, _canonical(password))
    except VerifyMismatchError:
        return False
    return password_hash is not None


def _without_expected(text: str) -> str:
    """Return a text without the words that are expected here."""
    for word in EXPECTED:
        text = text.replace(word, "")
    return text


def _is_repetition(text: str) -> bool:
    """Return whether a text is a short piece again and again, the last time perhaps only in part."""
    return any(text == (text[:length] * len(text))[: len(text)] for length in range(1, _PIECE + 1))


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").splitlines())


def forget_parameters() -> None:
    """Read the setting anew for the next hash."""
    _hasher.cache_clear()
    _nobodys.cache_clear()


@contextmanager
def _slot() -> Iterator[None]:
    """Wait for a turn. Raises TooManyPasswords."""
    if not _SLOTS.acquire(timeout=_SLOT_SECONDS):
        raise TooManyPasswords
    try:
        yield
    finally:
        _SLOTS.release()


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    # By default OWASP's parameters of equal strength with the least memory and one lane: a log-in function has one
    # processor, and each hash that it works on at a time takes this much of its memory.
    return PasswordHasher(time_cost=2, memory_cost=int(setting(SETTING, str(_KIB))), parallelism=1)


@cache
def _nobodys() -> str:
    """Return a hash to verify against where there is no account: the answer takes as long as if there were one."""
    return _hasher().hash(os.urandom(16))


def _canonical(password: str) -> str:
    # The same characters typed on another system may arrive composed differently.
    return unicodedata.normalize("NFKC", password)
