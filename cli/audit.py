"""`botberi audit`: verify the audit trails, those of an installation that runs, or an export of one."""

import json
from pathlib import Path
from typing import Final

import click

from cli.queries import administering
from core.object_store.folder import FolderStore
from functions.domain.audit import anchor_store, checking, exporting
from functions.domain.audit.checking import Checked
from functions.domain.audit.exporting import NotAnExportError
from migrations.databases import DATABASES

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """Who did what, and whether what is kept of it is what it was."""


@audit.command("verify")
@click.option("--database", type=click.Choice(DATABASES), help="Only the trail of this one.")
@click.option("--file", type=_FILE, help="An export as lines of JSON, instead of a database.")
@click.option("--anchors", type=_FOLDER, help="Where the store's anchors are, copied to this machine.")
def verify(database: str | None, file: Path | None, anchors: Path | None) -> None:
    """Follow the chain from its first entry, and compare it with the anchors; end with 1 if it isn't what it was."""
    if file is not None:
        results = _of_file(file, anchors)
    else:
        store = anchor_store.store() if anchors is None else FolderStore(anchors)
        results = {}
        for name in DATABASES if database is None else (database,):
            with administering(name) as db:
                results[name] = checking.check(db, name, store)
    broken = [_told(name, found) for name, found in results.items()]
    if any(broken):
        raise click.exceptions.Exit(1)


def _of_file(file: Path, anchors: Path | None) -> dict[str, Checked]:
    try:
        with file.open(encoding="utf-8") as lines:
            return exporting.check(lines, None if anchors is None else FolderStore(anchors))
    except (NotAnExportError, json.JSONDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from None


def _told(database: str, found: Checked) -> bool:
    """Tell what was found of a trail; return whether it isn't what it was."""
    anchored = "no anchor" if found.anchor is None else f"anchor {found.anchor.number} of {found.anchor.at}"
    click.echo(f"{database}: {found.checked} entries are followed, compared with {anchored}")
    broken = found.first_break
    if broken is None:
        return False
    entry = "" if broken.entry_id is None else f" ({broken.entry_id})"
    click.secho(f"{database}: {broken.kind.value} at {broken.seq}{entry}", fg="red")
    return True
