"""What a function's container must be given, told from the parameters of its handler and from what it declares."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.configuration import MissingSettingError, secret, setting
from functions.runtime.databases import POOL_SIZE
from functions.runtime.declarations import Declaration


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
    """Return the environment that a function needs to run."""
    parameters = declaration.all_parameters
    databases = {database for each in parameters for database in each.connects(declaration)}
    settings = {f"{database.upper()}_URL" for database in databases} | set(declaration.resources.settings)
    secrets = {f"{database}-{declaration.api}".replace("_", "-") for database in databases}
    secrets |= set(declaration.resources.secrets)
    group = declaration.resources.group
    for each in parameters:
        settings.update(each.settings)
        secrets.update(each.secrets(declaration))
        group = group or each.group
    if declaration.signing_keys:
        secrets.add(declaration.signing_keys)
    return Environment(tuple(sorted(databases)), tuple(sorted(settings)), tuple(sorted(secrets)), group or "function")


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
