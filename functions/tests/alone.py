"""Functions as if each ran by itself: with no more than it declares, or with nothing that answers."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache as memoised
from pathlib import Path

import pytest
from sqlalchemy import Engine

from functions.jobs import queue
from functions.runtime import databases
from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from functions.runtime.providers import cache, callers
from testing.environment import Environment


@contextmanager
def without_memory(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the connections and keys that this process has, as long as `patch` lasts; end those that are made."""
    made: list[Engine] = []
    make = databases.engine.__wrapped__

    def engine(database: str, role: str) -> Engine:
        made.append(make(database, role))
        return made[-1]

    patch.setattr(databases, "engine", engine)
    patch.setattr(callers, "_keys", memoised(callers._keys.__wrapped__))
    patch.setattr(cache, "connect", cache.connect.__wrapped__)
    patch.setattr(queue, "_client", queue._client.__wrapped__)
    yield
    for each in made:
        each.dispose()


def give_only_what_is_declared(
    patch: pytest.MonkeyPatch, env: Environment, declaration: Declaration, secrets: Path
) -> None:
    """Leave in the environment what the declaration names, and in the folder `secrets` the secrets that it names."""
    needed = environment(declaration)
    for name, value in env.environment().items():
        patch.delenv(name, raising=False)
        if name in needed.settings:
            patch.setenv(name, value)
    patch.setenv("BOTBERI_SECRETS", str(secrets))
    for name in needed.secrets:
        shutil.copy(env.secrets / name, secrets / name)


def take_everything_away(patch: pytest.MonkeyPatch) -> None:
    """Point every setting at a port on which nothing listens."""
    for name in ("USER_PSQL_URL", "SHARED_PSQL_URL"):
        patch.setenv(name, "127.0.0.1:1/gone")
    patch.setenv("USER_REDIS_URL", "127.0.0.1:1")
