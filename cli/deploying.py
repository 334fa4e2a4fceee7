"""`botberi secrets`, `roles`, `migrate`, `topology` and `seed`: the steps of a deployment, each safe to repeat."""

from pathlib import Path
from typing import Final

import click

from migrations.databases import DATABASES

FOLDER: Final = click.Path(path_type=Path, file_okay=False)

ONE_OF_BOTH: Final = click.argument("database", type=click.Choice([*DATABASES, "both"]), default="both")


@click.group()
def secrets() -> None:
    """Make the secrets of an installation, and exchange its keys."""


@secrets.command("generate")
@click.argument("folder", type=FOLDER)
def generate_secrets(folder: Path) -> None:
    """Generate into FOLDER what it lacks, each secret as a file of its name; what is there is kept."""
    from provisioning.secrets import generate, names

    before = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    generate(folder)
    made = sorted({file.name for file in folder.iterdir()} - before)
    click.echo(f"{folder}: {', '.join(made) or 'nothing'} is new; {len(names()) - 1 - len(made)} were there")


@secrets.command("kubernetes")
@click.argument("folder", type=FOLDER)
def kubernetes_secrets(folder: Path) -> None:
    """Print FOLDER as Secrets, after generating what it lacks: pipe it to `kubectl apply -f -`, and keep it nowhere."""
    from provisioning.kubernetes_secrets import text

    click.echo(text(folder), nl=False)


@click.command()
@ONE_OF_BOTH
def roles(database: str) -> None:
    """Make the databases' roles, as their superuser: at first, after a change of passwords, with a version's new role.

    The superuser is PSQL_SUPERUSER (postgres), with the secret psql-superuser.
    """
    from provisioning.migrate import make_roles

    for name in _chosen(database):
        click.echo(f"{name}: {', '.join(make_roles(name))} are up to date")


@click.command()
@ONE_OF_BOTH
@click.option("--to", "revision", default="head", show_default=True, help="The revision.")
@click.option("--down", is_flag=True, help="Go back to the revision.")
@click.option("--check", is_flag=True, help="Only tell whether tables and models are alike.")
def migrate(database: str, revision: str, down: bool, check: bool) -> None:
    """Bring the databases' tables up to date, as the migrator. Whoever comes second waits."""
    from migrations.__main__ import migrate as run

    action = "check" if check else "downgrade" if down else "upgrade"
    for name in _chosen(database):
        run(name, action, revision)
        click.echo(f"{name}: {'its tables are as the models have them' if check else f'at {revision}'}")


@click.command()
@click.option("--check", is_flag=True, help="Only say what would be done; exit 1 if there is anything.")
@click.option("--delete-gone", is_flag=True, help="Delete empty queues of subscriptions that are gone.")
@click.option("--redeclare", is_flag=True, help="Make empty queues anew whose arguments changed.")
def topology(check: bool, delete_gone: bool, redeclare: bool) -> None:
    """Make the exchanges, queues and bindings that the subscriptions ask for, and say what was changed."""
    from events.topology.declaration import make

    make(check=check, delete_gone=delete_gone, redeclare=redeclare)


@click.command()
def seed() -> None:
    """Publish the sample agents, and make the first administrator with the password in the secret administrator."""
    from provisioning.seed import main

    main()


def _chosen(database: str) -> tuple[str, ...]:
    return tuple(DATABASES) if database == "both" else (database,)
