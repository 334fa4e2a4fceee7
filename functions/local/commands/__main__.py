"""The command `botberi`: look into a running system, and put right what needs a person.

It works on whatever the settings in the environment say. What they leave open is as `make run` has it, so that
compose's topology needs nothing but `BOTBERI_SECRETS=environments/dev/secrets`.
"""

import os

import click

from events.configuration import MissingSettingError
from functions.local import settings
from functions.local.commands import letters, looking, mending
from functions.local.ports import Ports


@click.group()
def botberi() -> None:
    """Botberi, for those who run it."""
    for name, value in settings.environment(settings.ROOT / ".local", Ports()).items():
        os.environ.setdefault(name, value)


@botberi.group()
def events() -> None:
    """Look into the event path, and put right what needs a person."""


for command in (
    looking.status,
    looking.tail,
    mending.replay,
    mending.cursor,
    mending.doctor,
    letters.parked,
    letters.dead,
):
    events.add_command(command)


def main() -> None:
    """Run the command, and say in one line what is missing."""
    try:
        botberi()
    except (MissingSettingError, OSError) as error:
        raise SystemExit(f"botberi: {error}") from None


if __name__ == "__main__":
    main()
