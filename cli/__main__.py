"""The command `botberi`: look into a running system, and put right what needs a person.

It works on whatever the settings in the environment say. What they leave open is as `make run` has it, so that
compose's topology needs nothing but `BOTBERI_SECRETS=environments/dev/secrets`. In a container nothing is left open.
"""

import os
import re
from pathlib import Path
from typing import Final

import click

from cli import (
    administrator,
    agents,
    audit,
    dead_letters,
    deploying,
    doctor,
    inspection,
    key_exchange,
    login,
    object_store,
    publishers,
    repair,
    users,
    why,
)
from cli.queries import FAILURES
from core.configuration import SECRETS_FOLDER
from core.logs import said
from migrations.databases import DATABASES
from provisioning import local_settings

_ADDRESS: Final = re.compile(r"[^:/]+:\d+/[^/]+")


class Plainly(click.Group):
    """Ends with one line when something is missing, can't be reached or refuses."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever reads has seen enough: click ends then without a word.
            raise
        except FAILURES as error:
            raise click.ClickException(said(error)) from None


@click.group(cls=Plainly)
def botberi() -> None:
    """Botberi, for those who run it."""
    if not Path(SECRETS_FOLDER).is_dir():
        # Nothing has to be left open in a container, which is told what it needs.
        for name, value in local_settings.environment(local_settings.ROOT / ".local", local_settings.Ports()).items():
            os.environ.setdefault(name, value)
    for name in (f"{database.upper()}_URL" for database in DATABASES):
        if name in os.environ and not _ADDRESS.fullmatch(os.environ[name]):
            message = f"{name} is {os.environ[name]!r}: expected host:port/database"
            raise click.ClickException(message)


@botberi.group()
def events() -> None:
    """Look into the event path, and put right what needs a person."""


for command in (
    inspection.status,
    inspection.tail,
    repair.replay,
    repair.cursor,
    repair.doctor,
    dead_letters.parked,
    dead_letters.dead,
):
    events.add_command(command)

for command in (key_exchange.rotate, key_exchange.rewrap):
    deploying.secrets.add_command(command)

for group in (
    deploying.secrets,
    deploying.roles,
    deploying.migrate,
    deploying.topology,
    deploying.seed,
    agents.agents,
    publishers.publishers,
    users.users,
    administrator.token,
    login.login,
    login.logout,
    login.whoami,
    login.access_token,
    object_store.store,
    doctor.doctor,
    audit.audit,
    why.why,
):
    botberi.add_command(group)


def main() -> None:
    """Run the command."""
    botberi(prog_name="botberi")


if __name__ == "__main__":
    main()
