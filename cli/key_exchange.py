"""`botberi secrets rotate` and `rewrap`: exchange the keys of an installation while it runs."""

import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from sqlalchemy import Connection

from cli.deploying import FOLDER
from cli.queries import FAILURES, about, enter_alone
from core.logs import said
from functions.domain import rewrapping, sealing
from functions.domain.a2a import push_configs as of_push_configs
from functions.domain.accounts import access_tokens, keys, totp
from functions.domain.accounts.tables import totp_factors
from functions.domain.databases import SharedDb
from functions.domain.encryption import NotKeysError, NotSealedError
from functions.domain.instances import config_secrets
from functions.domain.rewrapping import SealedTable, SealedTables
from functions.domain.sealing import MasterKeys
from functions.runtime.providers.callers import LEEWAY_SECONDS
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
@click.argument("name", type=click.Choice([*KEYS, keys.PRIVATE]))
@click.option("--folder", type=FOLDER, required=True, help="Where the secret is a file of its name.")
@click.option("--switch", is_flag=True, help="Have the newer key seal, or sign tokens, when it is everywhere.")
@click.option("--finish", is_flag=True, help="Take the older key away, when nothing needs it any more.")
@click.option("--now", is_flag=True, help="Of tokens' keys: though tokens that are good are refused from then on.")
def rotate(name: str, folder: Path, switch: bool, finish: bool, now: bool) -> None:
    """Exchange a key without loss: add one, bring the secret to where it is read, then go on with the next step.

    Of access tokens there always are two keys: the one that doesn't sign is replaced, and --switch has it sign.
    """
    switched = [*SEALED, keys.PRIVATE]
    if switch and (finish or name not in switched):
        raise click.UsageError(f"--switch is a step of its own, and one for {', '.join(switched)} alone")
    if (name == keys.PRIVATE and finish) or (now and (name != keys.PRIVATE or switch)):
        raise click.UsageError(f"{keys.PRIVATE} is exchanged without --finish, and --now is for its first step alone")
    file = folder / name
    try:
        if name == keys.PRIVATE:
            done = _exchange_signing(folder, switch=switch, now=now)
        elif name in SEALED:
            done = _exchange_sealing(file, SEALED[name], switch=switch, finish=finish)
        else:
            done = _exchange_tried(file, finish=finish)
    except (RotationError, NotKeysError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file} has {done}")
    _enter(name, "switch" if switch else "finish" if finish else "begin")


def _enter(name: str, step: str) -> None:
    """Enter a step of an exchange in the audit trail, or say that it couldn't be.

    A key that somebody else may have is exchanged whatever the databases do.
    """
    about(name)
    try:
        enter_alone(SEALED[name].database if name in SEALED else "user_psql", "admin", step=step)
    except FAILURES as error:
        click.echo(f"no entry of it is in the audit trail: {said(error)}", err=True)


def _exchange_signing(folder: Path, *, switch: bool, now: bool) -> str:
    """Exchange the key pairs of access tokens, of which there always are two."""
    if switch:
        return f"the key {keys.switch(folder)} first, which signs: bring it to where sessions are opened"
    until = keys.signs_since(folder) + access_tokens.LIFETIME_SECONDS + LEEWAY_SECONDS
    if until > time.time() and not now:
        at = datetime.fromtimestamp(until, UTC).strftime("%H:%M:%S")
        message = f"tokens of the key that signed before are good until {at} UTC: wait, or have them refused with --now"
        raise RotationError(message)
    old, new = keys.renew(folder)
    told = f"the key {new} in the place of {old}, and {keys.PUBLIC} too: bring both to where they are read"
    return f"{told}, wait until they are everywhere, then --switch"


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
        # First, so that there is one of whatever is changed before somebody interrupts it.
        about(name, keys[0].id)
        enter_alone(sealed.database, "migrator")
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
