"""`botberi doctor`: what is wrong anywhere: in the event path, and with what runs for people."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import click

from cli import checks
from cli.checks import Problem
from cli.queries import FAILURES, administering, table
from functions.domain.audit import anchor_store
from functions.domain.databases import SharedDb
from functions.domain.overview import attention, figures
from functions.domain.overview.attention import LIMIT, Need
from migrations.databases import DATABASES

SHOWN = 3
"""Ids that are told of each problem."""


def found() -> Iterator[Problem]:
    """Yield what is the matter with instances, runs and subscribers; nothing where a database can't be asked."""
    try:
        with ExitStack() as stack:
            databases = {name: stack.enter_context(administering(name)) for name in DATABASES}
            needs = list(attention.needs(databases))
            engaged = figures.engaged_kill_switches(SharedDb(databases["shared_psql"]))
    except FAILURES:
        # That is a problem of its own, which the checks of the event path have told.
        return
    yield from map(_problem, needs)
    if engaged:
        remedy = "`GET /v1/admin/kill-switches?engaged=true`; release each when its cause is mended"
        yield "kill switches", f"{engaged} are engaged, suspended accounts among them", remedy


def _problem(need: Need) -> Problem:
    number = f"{need.count}{'+' * (need.count == LIMIT)}"
    ids = ", ".join(need.ids[:SHOWN])
    return f"{need.kind}s", f"{number} {need.trouble.replace('_', ' ')}: {ids}", need.to_do


def notes() -> Iterator[str]:
    """Yield what isn't wrong, and worth knowing: how things are kept here."""
    if os.environ.get(anchor_store.SETTING, "").startswith("file:"):
        yield (
            "anchors of the audit trail are kept in a folder: whoever can rewrite the databases of this machine can "
            f"rewrite these as well. Where that matters, {anchor_store.SETTING} is a bucket with Object Lock"
        )


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look for what is wrong anywhere, and say how it is put right; exits with 1 when something was found."""
    problems = [*checks.found(), *found()]
    for note in notes():
        click.secho(f"note: {note}", fg="yellow")
    if not problems:
        click.secho("nothing is wrong", fg="green")
        return
    table(("where", "what", "remedy"), problems)
    context.exit(1)
