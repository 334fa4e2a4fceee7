"""How often passwords may be guessed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from uuid import uuid4

import pytest
from sqlalchemy import text

from functions.domain.accounts import accounts, sessions, throttling
from functions.domain.accounts.throttling import (
    FREE,
    FREE_MAILS,
    FREE_OF_NETWORK,
    LONGEST_SECONDS,
    TooManyGuesses,
    TooManyMails,
)
from functions.domain.client import Client
from functions.domain.databases import UserDb
from testing.environment import Environment
from testing.people import Person


@contextmanager
def user(env: Environment) -> Iterator[UserDb]:
    with env.transaction("user_psql", "user") as db:
        yield UserDb(db)


def email() -> str:
    return f"{uuid4().hex}@example.com"


def let_through(env: Environment, address: str, network: str = "", times: int = 1) -> list[bool]:
    """Guess, one after the other, and return which guesses were let through."""
    let = []
    for _ in range(times):
        try:
            with user(env) as db:
                throttling.count(db, address, network)
            let.append(True)
        except TooManyGuesses:
            let.append(False)
    return let


def most(free: int, seconds: float) -> int:
    """Return how many guesses are let through in a time: machines are slow, and some waits pass meanwhile."""
    waits = list(accumulate((1, 2, 4, 8, 16, 32)))
    return free + sum(wait <= seconds for wait in waits)


def later(env: Environment, seconds: int) -> None:
    """Let all guesses be that much older."""
    with env.transaction("user_psql", "migrator") as db:
        change = (
            "update guesses set guessed_at = guessed_at - i, next_at = next_at - i from make_interval(secs => :s) i"
        )
        db.execute(text(change), {"s": seconds})


def test_a_few_are_free_and_each_of_the_next_waits_longer(env: Environment) -> None:
    address, waits = email(), []
    assert let_through(env, address, times=FREE + 3) == [True] * FREE + [False] * 3
    for _ in range(9):
        with pytest.raises(TooManyGuesses) as refused, user(env) as db:
            throttling.count(db, address, "")
        waits.append(int(refused.value.headers["Retry-After"]))
        later(env, waits[-1])
        assert let_through(env, address) == [True]
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]


def test_many_at_once_are_no_more_than_one_after_the_other(env: Environment) -> None:
    address, began = email(), time.monotonic()
    with ThreadPoolExecutor(20) as many:
        let = list(many.map(lambda _: let_through(env, address), range(60)))
    assert FREE <= let.count([True]) <= most(FREE, time.monotonic() - began)


def test_whoever_is_right_begins_anew(env: Environment) -> None:
    address, network = email(), f"10.{uuid4().int % 250}.1.0/24"
    for _ in range(FREE_OF_NETWORK):
        with user(env) as db:
            throttling.was_right(db, throttling.count(db, address, network))
    assert let_through(env, address, network, FREE + 1) == [True] * FREE + [False]


def test_after_a_while_it_begins_anew(env: Environment) -> None:
    address = email()
    let_through(env, address, times=FREE + 1)
    later(env, throttling.FORGET_SECONDS + 1)
    assert let_through(env, address, times=FREE + 1) == [True] * FREE + [False]


def test_whoever_guesses_from_elsewhere_does_not_keep_the_owner_out(
    person: Callable[..., Person], env: Environment
) -> None:
    somebody, home = person(), "203.0.113.0/24"
    with user(env) as db:
        sessions.open_session(db, accounts.find(db, somebody.id), Client(home, ""))
    for network in ("198.51.100.0/24", "192.0.2.0/24", ""):
        let_through(env, somebody.email, network, FREE)
    assert let_through(env, somebody.email, "198.51.100.0/24") == [False]
    assert let_through(env, somebody.email, home, FREE + 1) == [True] * FREE + [False]


def test_a_network_guesses_at_many_accounts_no_more_often_than_it_may(env: Environment) -> None:
    network = f"2001:db8:{uuid4().int % 65536:x}:1::/64"
    assert [let_through(env, email(), network)[0] for _ in range(FREE_OF_NETWORK)] == [True] * FREE_OF_NETWORK
    began = time.monotonic()
    let = [let_through(env, email(), network)[0] for _ in range(20)]
    assert let.count(True) <= most(0, time.monotonic() - began + 1)
    assert let_through(env, email(), "2001:db8:ffff:ffff::/64") == [True]


def test_mails_of_each_kind_wait_longer_and_hold_no_guess_back(env: Environment) -> None:
    address, waits = email(), []
    for _ in range(FREE_MAILS):
        with user(env) as db:
            throttling.count_mail(db, "reset", address, "")
    for _ in range(8):
        with pytest.raises(TooManyMails) as refused, user(env) as db:
            throttling.count_mail(db, "reset", address, "")
        waits.append(round(int(refused.value.headers["Retry-After"]), -1))
        with env.transaction("user_psql", "migrator") as db:
            db.execute(text("update guesses set next_at = clock_timestamp()"))
        with user(env) as db:
            throttling.count_mail(db, "reset", address, "")
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    with user(env) as db:
        throttling.count_mail(db, "verification", address, "")
    assert let_through(env, address, times=FREE) == [True] * FREE


def test_nothing_that_is_kept_names_anybody(env: Environment) -> None:
    address = email()
    let_through(env, address, "203.0.113.0/24")
    with env.transaction("user_psql", "migrator") as db:
        kept = str(db.execute(text("select encode(key, 'escape') from guesses")).scalars().all())
    assert "203.0.113" not in kept
    assert address not in kept
