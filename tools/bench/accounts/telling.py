"""How long it takes to be answered about an address that has an account, and about one that has none, in turns."""

import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from typing import Final

from tools.bench.accounts.environment import PASSWORD, AccountsEnvironment, address
from tools.bench.ranks import mann_whitney
from tools.bench.rows import Sample
from tools.documents import Document

REQUESTS: Final = 1000
"""For known addresses, and as many for unknown ones; each is asked for once."""

WARM: Final = 20
"""Requests beforehand that aren't measured."""


@dataclass(frozen=True)
class Question:
    """A request that names an address."""

    name: str
    path: str
    expected: HTTPStatus
    more: Document
    """What its body has besides."""


REGISTER: Final = Question("register", "/v1/auth/register", HTTPStatus.ACCEPTED, {"password": PASSWORD})
FORGOT: Final = Question("forgot", "/v1/auth/password/forgot", HTTPStatus.ACCEPTED, {})
WRONG: Final = Question("wrong", "/v1/auth/login", HTTPStatus.UNAUTHORIZED, {"password": "not the password"})


def register(env: AccountsEnvironment, size: float) -> Sample:
    """Return the medians of signing up, in ms, and how probable such times are if both are alike."""
    return _told(env, REGISTER, size)


def forgot(env: AccountsEnvironment, size: float) -> Sample:
    """Return the same of asking for a mail to set another password with."""
    return _told(env, FORGOT, size)


def wrong(env: AccountsEnvironment, size: float) -> Sample:
    """Return the same of logging in with a wrong password."""
    return _told(env, WRONG, size)


def _told(env: AccountsEnvironment, question: Question, size: float) -> Sample:
    count = max(50, int(REQUESTS * size))
    asked = [(email, "known") for email in env.people(count)] + [(address(), "unknown") for _ in range(count)]
    # Whatever else the machine does falls on both alike.
    random.shuffle(asked)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    with env.connection() as connection:
        for email, which in [*((address(), "") for _ in range(WARM)), *asked]:
            body = {"email": email, **question.more}
            began = time.perf_counter()
            env.post(connection, question.path, body, question.expected)
            took.setdefault(which, []).append((time.perf_counter() - began) * 1000)
    medians = {f"{question.name}_{which}": median(took[which]) for which in ("known", "unknown")}
    return {**medians, f"{question.name}_p": mann_whitney(took["known"], took["unknown"])}
