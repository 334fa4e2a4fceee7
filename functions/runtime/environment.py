"""What a function's container must be given, told from the parameters of its handler and from what it declares."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.configuration import DELIVERY_KEYS, MissingSettingError, secret, setting
from functions.domain.databases import SharedDb, UserDb
from functions.runtime import redis_users
from functions.runtime.databases import POOL_SIZE
from functions.runtime.declarations import Declaration
from functions.schemas.shapes import SharedTransactions, UserTransactions

USER_PSQL: Final = "user_psql"
SHARED_PSQL: Final = "shared_psql"

_DATABASES: Final = {
    UserDb: USER_PSQL,
    UserTransactions: USER_PSQL,
    SharedDb: SHARED_PSQL,
    SharedTransactions: SHARED_PSQL,
}


@dataclass(frozen=True)
class Environment:
    """The names of what a container is given, each list sorted."""

    databases: tuple[str, ...]
    settings: tuple[str, ...]
    secrets: tuple[str, ...]
    group: str
    """The locked dependencies: `deploy/requirements/<group>.txt`."""

    @property
    def connections(self) -> dict[str, int]:
        """Return how many connections one container may hold to each database."""
        return dict.fromkeys(self.databases, POOL_SIZE)


def environment(declaration: Declaration) -> Environment:
    """Return what the function needs to run."""
    databases = _databases(declaration)
    settings = {f"{database.upper()}_URL" for database in databases} | set(declaration.needs.settings)
    secrets = {f"{database}-{declaration.surface}".replace("_", "-") for database in databases}
    secrets |= set(declaration.needs.secrets)
    group = declaration.needs.group
    if declaration.parameter("caller"):
        secrets.add("jwt-public-keys")
    if declaration.surface == "subscribers":
        secrets.add(DELIVERY_KEYS)
    if declaration.parameter("cache"):
        settings.add("USER_REDIS_URL")
        secrets.add(redis_users.secret_name("invalidation" if declaration.surface == "subscribers" else "cache"))
        group = "function-cache" if group == "function" else group
    return Environment(databases, tuple(sorted(settings)), tuple(sorted(secrets)), group)


def refuse_incomplete(declarations: Iterable[Declaration]) -> None:
    """Raise MissingSettingError, naming the function and the first setting or secret that it needs and hasn't got."""
    for declaration in declarations:
        needed = environment(declaration)
        try:
            for name in needed.settings:
                setting(name)
            for name in needed.secrets:
                secret(name)
        except MissingSettingError as error:
            message = f"{declaration.name} can't start: {error}"
            raise MissingSettingError(message) from None


def _databases(declaration: Declaration) -> tuple[str, ...]:
    found = {_DATABASES[each.annotation] for each in declaration.parameters if each.annotation in _DATABASES}
    if declaration.parameter("caller") and not found:
        # The guard asks whether the session was revoked, in shared_psql when the handler itself has no database.
        found = {SHARED_PSQL}
    return tuple(sorted(found))
