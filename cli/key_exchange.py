"""`botberi secrets rotate` and `rewrap`: exchange the keys of an installation while it runs."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import click
from sqlalchemy import Connection

from cli.deploying import FOLDER
from functions.domain import rewrapping, sealing
from functions.domain.a2a import push_configs as of_push_configs
from functions.domain.accounts import totp
from functions.domain.accounts.tables import totp_factors
from functions.domain.databases import SharedDb
from functions.domain.encryption import NotKeysError, NotSealedError
from functions.domain.instances import config_secrets
from functions.domain.rewrapping import SealedTable, SealedTables
from functions.domain.sealing import MasterKeys
from migrations.databases import connect
from provisioning.secrets import RotationError, add_key, drop_key, switch_keys
from provisioning.secrets_folder import KEYS
from shared_psql_models.instance_secrets import instance_secrets
from shared_psql_models.push_configs import push_configs

SEALED: Final = {
    config_secrets.KEYS_NAME: SealedTables(
        "shared_psql",
        (
            SealedTable(instance_secrets, ("instance_id", "place", "version"), config_secrets.bound_to),
            SealedTable(push_configs, ("run_id", "id", "url"), of_push_configs.bound_to),
        ),
    ),
    totp.KEYS_NAME: SealedTables("user_psql", (SealedTable(totp_factors, ("account_id",), totp.bound_to),)),
}
"""The secrets with master keys, and where what they seal is kept."""


@click.command("rotate")
@click.argument("name", type=click.Choice(list(KEYS)))
@click.option("--folder", type=FOLDER, required=True, help="Where the secret is a file of its name.")
@click.option("--switch", is_flag=True, help="Of master keys: have the newer key seal, when it is everywhere.")
@click.option("--finish", is_flag=True, help="Take the older key away, when nothing needs it any more.")
def rotate(name: str, folder: Path, switch: bool, finish: bool) -> None:
    """Exchange a key without loss: add one, bring the secret to where it is read, then go on with the next step."""
    if switch and (finish or name not in SEALED):
        raise click.UsageError(f"--switch is a step of its own, and one for {' and '.join(SEALED)} alone")
    file = folder / name
    try:
        if name in SEALED:
            done = _exchange_sealing(file, SEALED[name], switch=switch, finish=finish)
        else:
            done = _exchange_tried(file, finish=finish)
    except (RotationError, NotKeysError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file} has {done}")


def _exchange_tried(file: Path, *, finish: bool) -> str:
    """Exchange a key of which any will do: whoever has two tries both."""
    if finish:
        drop_key(file)
        return "the newer key alone: bring it to where it is read"
    add_key(file)
    return "two keys: bring it to where it is read, wait until it is everywhere, then --finish"


def _exchange_sealing(file: Path, sealed: SealedTables, *, switch: bool, finish: bool) -> str:
    if not (switch or finish):
        add_key(file)
        return "two keys, and the older seals: bring it to where it is read, wait until it is everywhere, then --switch"
    if switch:
        switch_keys(file)
    first = sealing.master_keys(file.name, file.read_text())[0].id
    if switch:
        return f"the key {first} first, which seals: bring it to where it is read, and then rewrap"
    with _migrating(sealed.database) as db:
        others = sum(rewrapping.left(db, sealed, first).values())
    if others:
        raise RotationError(f"{others} secrets are still opened with another key than {first}: rewrap them first")
    drop_key(file, keep="first")
    return f"the key {first} alone: bring it to where it is read"


@click.command("rewrap")
@click.argument("name", type=click.Choice(list(SEALED)), default=config_secrets.KEYS_NAME)
def rewrap(name: str) -> None:
    """Have the first of the master keys NAME open all that they have sealed; everything goes on meanwhile.

    It works as the migrator, and may be interrupted and repeated. NAME is instance-master-keys unless you say another:
    of these, what a release has left in plain is sealed first.
    """
    sealed = SEALED[name]
    try:
        keys = sealing.master_keys(name)
        if name == config_secrets.KEYS_NAME:
            click.echo(f"{_seal_plain()} configs had secrets in plain, and have them sealed")
        click.echo(f"{_rewrap(sealed, keys)} data keys are wrapped anew")
    except (NotKeysError, NotSealedError) as error:
        raise click.ClickException(str(error)) from None
    with _migrating(sealed.database) as db:
        others = rewrapping.left(db, sealed, keys[0].id)
    if others:
        told = ", ".join(f"{count} by {key_id}" for key_id, count in sorted(others.items()))
        raise click.ClickException(f"some are wrapped by keys that the secret hasn't got: {told}")
    click.echo(f"all are opened with the key {keys[0].id}")


def _seal_plain() -> int:
    """Return how many configs there were to seal."""
    from functions.domain.instances import plain_secrets

    total, after = 0, ""
    while True:
        with _migrating("shared_psql") as db:
            count, last = plain_secrets.seal(SharedDb(db), after=after)
        total += count
        if last is None:
            return total
        after = last


def _rewrap(sealed: SealedTables, keys: MasterKeys) -> int:
    """Return how many data keys there were to wrap."""
    total = 0
    while True:
        with _migrating(sealed.database) as db:
            count = rewrapping.rewrap(db, sealed, keys)
        total += count
        if count < rewrapping.BATCH:
            return total


def _migrating(database: str) -> AbstractContextManager[Connection]:
    """Open a transaction as whoever owns the tables: no part that runs may write a data key anew."""
    return connect(database, "migrator").begin()
