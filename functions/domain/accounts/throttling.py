"""How often passwords and codes may be guessed, and mails asked for, whoever does it: by account, and by network.

A guess is counted before what is guessed is looked at, in a transaction of its own, so that a thousand at a time are no
more than a thousand one after the other. The first few are free. From then on each has to wait longer than the one
before, a minute at most. Whoever was right is forgotten.

Nobody can lock an owner out: guesses from networks where the account has been used count by themselves, each network
apart, and all others together.

What makes a mail go to an address is counted in the same way, with limits of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlalchemy import LargeBinary, bindparam, delete, select, text

from functions.domain.accounts.tables import guesses, sessions
from functions.domain.api_errors import TooMany
from functions.domain.databases import UserDb

FREE: Final = 5
"""Wrong passwords of an account that needn't be waited for."""

FREE_OF_NETWORK: Final = 100
"""Wrong passwords from a network that needn't be waited for, whosever they are: many people may share it."""

LONGEST_SECONDS: Final = 60

FORGET_SECONDS: Final = 15 * 60
"""Without a guess for so long, it begins anew."""

FREE_MAILS: Final = 3
"""Mails of a kind to an address that needn't be waited for."""

FREE_MAILS_OF_NETWORK: Final = 50
"""Mails of a kind that a network may ask for without waiting."""

_HOUR: Final = 60 * 60


@dataclass(frozen=True)
class Limit:
    """How often something may be tried."""

    free: int
    """How many needn't be waited for."""
    first: int = 1
    """Seconds that the first waits which isn't free; the next waits twice as long, and so on."""
    longest: int = LONGEST_SECONDS
    """Seconds that any waits at most."""
    forget: int = FORGET_SECONDS
    """Seconds without one, after which it begins anew; an hour at most, since then it isn't kept any more."""


_GUESSES: Final = (Limit(FREE), Limit(FREE_OF_NETWORK))
_MAILS: Final = (
    Limit(FREE_MAILS, first=60, longest=_HOUR, forget=_HOUR),
    Limit(FREE_MAILS_OF_NETWORK, first=2, longest=_HOUR, forget=_HOUR),
)
"""Of an account, and of a network."""


class Throttled(TooMany):
    """Too many of one kind: wait as long as Retry-After says."""

    policy: ClassVar[str]
    """What it is called in the fields RateLimit and RateLimit-Policy."""
    limit: ClassVar[Limit]
    """That of an account, which anybody meets first."""

    def __init__(self, seconds: int) -> None:
        """`seconds` is how long to wait."""
        super().__init__()
        self.headers = {  # type: ignore[misc]
            "Retry-After": str(seconds),
            "RateLimit": f'"{self.policy}";r=0;t={seconds}',
            "RateLimit-Policy": f'"{self.policy}";q={self.limit.free};w={self.limit.forget}',
        }


class TooManyGuesses(Throttled):
    """Too many wrong passwords or codes: wait as long as Retry-After says."""

    policy = "guesses"
    limit = _GUESSES[0]


class TooManyMails(Throttled):
    """Too many mails were asked for, to this address or from your network: wait as long as Retry-After says."""

    policy = "mails"
    limit = _MAILS[0]


@dataclass(frozen=True)
class Guess:
    """A guess that was let through and counted."""

    keys: tuple[bytes, ...]


# Of an account those keys count that are of the network, if it has been used from there: that is looked up in the same
# statement. A key is counted only while it needn't wait; the second of two at once waits for the first, and sees what
# it has counted. All take them in one order, so that two don't wait for each other.
_COUNT: Final = text(
    """
    with asked (key, free, first, longest, forget) as materialized (
      select case when exists (
          select from sessions s join accounts a on a.id = s.account_id
          where (a.email = :who or a.id = :who) and s.network = :network
        ) then cast(:familiar_key as bytea) else cast(:key as bytea) end,
        cast(:free as integer), cast(:first as integer), cast(:longest as integer), cast(:forget as integer)
      union all
      select cast(:network_key as bytea), :network_free, :network_first, :network_longest, :network_forget
      where cast(:network_key as bytea) is not null
    ), counted as (
      insert into guesses as known (key, wrong, guessed_at, next_at)
      select key, 1, clock_timestamp(), clock_timestamp() from asked order by key
      on conflict (key) do update set (wrong, guessed_at, next_at) = (
        select case when is_forgotten then 1 else known.wrong + 1 end, clock_timestamp(),
          clock_timestamp() + make_interval(secs =>
            case when is_forgotten or known.wrong + 1 < free then 0
            else least(longest, first * power(2, least(known.wrong + 1 - free, 12))) end)
        from asked, lateral (
          select known.guessed_at < clock_timestamp() - make_interval(secs => forget) as is_forgotten
        ) as before
        where asked.key = known.key)
      where known.next_at <= clock_timestamp()
      returning key
    )
    select asked.key, counted.key is not null as counted from asked left join counted on counted.key = asked.key
    """
)

_WAIT: Final = text(
    "select ceil(extract(epoch from max(next_at) - clock_timestamp()))::integer from guesses where key in :keys"
).bindparams(bindparam("keys", expanding=True, type_=LargeBinary()))


def count(db: UserDb, email: str, network: str) -> Guess:
    """Count a guess at the password of an e-mail address, in its normal form, from a network. Raises TooManyGuesses.

    Whether there is such an account makes no difference.
    """
    return _count_both(db, _Kind("account", "network"), email, network)


def count_factor(db: UserDb, account_id: str, network: str) -> Guess:
    """Count a guess at the second factor of an account, from a network. Raises TooManyGuesses."""
    return _count_both(db, _Kind("factor", "network"), account_id, network)


def count_device(db: UserDb, account_id: str, network: str) -> Guess:
    """Count a guess at the code of a device log-in, by somebody who is logged in, from a network.

    Raises TooManyGuesses.
    """
    return _count_both(db, _Kind("device", "network"), account_id, network)


def count_client(db: UserDb, account_id: str) -> Guess:
    """Count what somebody who is logged in says that a client is: its document is asked for. Raises TooManyGuesses."""
    return _count(db, _key("client", account_id), _GUESSES[0], TooManyGuesses)


def count_identity(db: UserDb, network: str) -> Guess:
    """Count an answer of an OpenID provider that somebody brings, from a network. Raises TooManyGuesses."""
    return _count(db, _key("network", network), _GUESSES[1], TooManyGuesses) if network else Guess(())


def count_own(db: UserDb, account_id: str) -> Guess:
    """Count a guess at the password of an account that somebody is logged in to. Raises TooManyGuesses."""
    return _count(db, _key("own", account_id), _GUESSES[0], TooManyGuesses)


def count_mail(db: UserDb, kind: str, email: str, network: str) -> None:
    """Count a mail of a kind that somebody asks for, to an address in its normal form. Raises TooManyMails.

    Whether there is such an account makes no difference, and neither whether a mail is sent.
    """
    _count_both(db, _Kind(f"mail {kind}", f"mails {kind}", _MAILS, TooManyMails), email, network)


def forget(db: UserDb, account_id: str, email: str) -> None:
    """Forget the wrong guesses at an account, wherever they came from: its owner has shown to be the owner."""
    networks = db.scalars(select(sessions.c.network).where(sessions.c.account_id == account_id).distinct())
    keys = [_key("own", account_id), *(_key("account", email, network) for network in {"", *networks})]
    db.execute(delete(guesses).where(guesses.c.key.in_(keys)))


def was_right(db: UserDb, guess: Guess) -> None:
    """Forget the wrong guesses at an account, and this one from a network: it was the owner's."""
    account, *network = guess.keys
    _take_back(db, network, right=account)


def was_no_guess(db: UserDb, guess: Guess) -> None:
    """Forget this guess, and no other: whoever was right once may have made up all the others."""
    _take_back(db, guess.keys)


# It waits for nobody who counts at this moment: then one guess too many stays counted for a while.
_TAKE_BACK: Final = text(
    """
    with forgotten as (delete from guesses where key = cast(:right as bytea))
    update guesses set wrong = wrong - 1 where key in
      (select key from guesses where key in :keys and wrong > 0 for update skip locked)
    """
).bindparams(bindparam("keys", expanding=True, type_=LargeBinary()))


def _take_back(db: UserDb, keys: Sequence[bytes], *, right: bytes | None = None) -> None:
    db.execute(_TAKE_BACK, {"right": right, "keys": keys}, execution_options={"unanswered": True})


@dataclass(frozen=True)
class _Kind:
    """What is counted of somebody, and of a network."""

    name: str
    of_network: str
    limits: tuple[Limit, Limit] = _GUESSES
    too_many: type[Throttled] = TooManyGuesses


def _count_both(db: UserDb, kind: _Kind, who: str, network: str) -> Guess:
    """Count what somebody does, who is known by an address or an account's id, and what comes from a network."""
    key, familiar = (_key(kind.name, who, each) for each in ("", network))
    if not network:
        return _count(db, key, kind.limits[0], kind.too_many)
    found = {"who": who, "network": network, "familiar_key": familiar, "network_key": _key(kind.of_network, network)}
    of_network = {f"network_{name}": value for name, value in vars(kind.limits[1]).items()}
    return _counted(db, {"key": key, **vars(kind.limits[0]), **found, **of_network}, kind.too_many)


def _count(db: UserDb, key: bytes, limit: Limit, too_many: type[Throttled]) -> Guess:
    """Count what is counted by one key alone."""
    others = {"who": "", "network": "", "familiar_key": key, "network_key": None}
    of_network = dict.fromkeys(("network_free", "network_first", "network_longest", "network_forget"), 0)
    return _counted(db, {"key": key, **vars(limit), **others, **of_network}, too_many)


def _counted(db: UserDb, values: Mapping[str, object], too_many: type[Throttled]) -> Guess:
    asked = db.execute(_COUNT, values).all()
    if waiting := [each.key for each in asked if not each.counted]:
        seconds = db.execute(_WAIT, {"keys": waiting}).scalar_one()
        raise too_many(max(1, seconds or 1))
    # That of the account first.
    return Guess(tuple(sorted((each.key for each in asked), key=lambda key: key == values["network_key"])))


def _key(*parts: str) -> bytes:
    # Of addresses that have no account too, so they aren't kept as they are.
    return hashlib.sha256("\0".join(parts).encode()).digest()
