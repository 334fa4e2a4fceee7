"""How often passwords and codes may be guessed, whoever does it: by account, and by the network it is done from.

A guess is counted before what is guessed is looked at, in a transaction of its own, so that a thousand at a time are no
more than a thousand one after the other. The first few are free. From then on each has to wait longer than the one
before, a minute at most. Whoever was right is forgotten.

Nobody can lock an owner out: guesses from networks where the account has been used count by themselves, each network
apart, and all others together.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, text

from functions.domain.accounts.tables import guesses
from functions.domain.api_errors import TooMany
from functions.domain.databases import UserDb

FREE: Final = 5
"""Wrong passwords of an account that needn't be waited for."""

FREE_OF_NETWORK: Final = 100
"""Wrong passwords from a network that needn't be waited for, whosever they are: many people may share it."""

LONGEST_SECONDS: Final = 60

FORGET_SECONDS: Final = 15 * 60
"""Without a guess for so long, it begins anew."""


class TooManyGuesses(TooMany):
    """Too many wrong passwords or codes: wait as long as Retry-After says."""

    def __init__(self, seconds: int) -> None:
        """`seconds` is how long to wait."""
        super().__init__()
        self.headers = {"Retry-After": str(seconds)}  # type: ignore[misc]


@dataclass(frozen=True)
class Guess:
    """A guess that was let through and counted."""

    keys: tuple[bytes, ...]


_KNOWN: Final = text(
    "select exists(select from sessions s join accounts a on a.id = s.account_id"
    " where (a.email = :who or a.id = :who) and s.network = :network)"
)

# Counted only while it needn't wait. The second of two at once waits for the first, and sees what it has counted.
_COUNT: Final = text(
    """
    insert into guesses as known (key, wrong, guessed_at, next_at)
    values (:key, 1, clock_timestamp(), clock_timestamp())
    on conflict (key) do update set
      wrong = case when known.guessed_at < clock_timestamp() - make_interval(secs => :forget) then 1
              else known.wrong + 1 end,
      guessed_at = clock_timestamp(),
      next_at = clock_timestamp() + make_interval(secs =>
        case when known.guessed_at < clock_timestamp() - make_interval(secs => :forget) then 0
        when known.wrong + 1 < :free then 0
        else least(:longest, power(2, least(known.wrong + 1 - :free, 10))) end)
    where known.next_at <= clock_timestamp()
    returning 1
    """
)

_WAIT: Final = text(
    "select ceil(extract(epoch from max(next_at) - clock_timestamp()))::integer from guesses where key in :keys"
).bindparams(bindparam("keys", expanding=True))


def count(db: UserDb, email: str, network: str) -> Guess:
    """Count a guess at the password of an e-mail address, in its normal form, from a network. Raises TooManyGuesses.

    Whether there is such an account makes no difference.
    """
    return _count_from(db, "account", email, network)


def count_factor(db: UserDb, account_id: str, network: str) -> Guess:
    """Count a guess at the second factor of an account, from a network. Raises TooManyGuesses."""
    return _count_from(db, "factor", account_id, network)


def count_own(db: UserDb, account_id: str) -> Guess:
    """Count a guess at the password of an account that somebody is logged in to. Raises TooManyGuesses."""
    return _count(db, [(_key("own", account_id), FREE)])


def was_right(db: UserDb, guess: Guess) -> None:
    """Forget the wrong guesses at an account, and this one from a network: it was the owner's."""
    account, *network = guess.keys
    db.execute(delete(guesses).where(guesses.c.key == account))
    for key in network:
        # It waits for nobody who counts at this moment: then one guess too many stays counted for a while.
        db.execute(
            text(
                "update guesses set wrong = wrong - 1 where key ="
                " (select key from guesses where key = :key and wrong > 0 for update skip locked)"
            ),
            {"key": key},
        )


def _count_from(db: UserDb, what: str, who: str, network: str) -> Guess:
    """Count a guess at what is of somebody, who is known by an address or an account's id."""
    known = network and db.execute(_KNOWN, {"who": who, "network": network}).scalar_one()
    guessed = _key(what, who, network if known else "")
    return _count(db, [(guessed, FREE), *([(_key("network", network), FREE_OF_NETWORK)] if network else [])])


def _count(db: UserDb, keys: Sequence[tuple[bytes, int]]) -> Guess:
    times = {"forget": FORGET_SECONDS, "longest": LONGEST_SECONDS}
    # In one order for everybody, so that two don't wait for each other.
    for key, free in sorted(keys):
        if db.execute(_COUNT, {"key": key, "free": free, **times}).first() is None:
            seconds = db.execute(_WAIT, {"keys": [key]}).scalar_one()
            raise TooManyGuesses(max(1, seconds or 1))
    return Guess(tuple(key for key, _ in keys))


def _key(*parts: str) -> bytes:
    # Of addresses that have no account too, so they aren't kept as they are.
    return hashlib.sha256("\0".join(parts).encode()).digest()
