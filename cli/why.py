"""`botberi why`: why something is as it is."""

from contextlib import ExitStack

import click

from cli.queries import administering, table
from functions.domain.why import explaining
from functions.domain.why.findings import Answer, NothingKnown
from migrations.databases import DATABASES


class AnyId(click.ParamType[str]):
    """The id of something that can be explained."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return an id as it is, or fail."""
        if not explaining.is_known_kind(value):
            self.fail(f"{value} is no id of an event, run, message, instance, version, account or session.", param, ctx)
        return value


@click.command()
@click.argument("an_id", metavar="ID", type=AnyId())
def why(an_id: str) -> None:
    """Say what led to the state of what has this ID, where it waits, what comes next and what to do.

    It may be an event, a dead letter, a run, a message, an instance, a version, an account or a session.
    """
    with ExitStack() as stack:
        databases = {name: stack.enter_context(administering(name)) for name in DATABASES}
        try:
            answer = explaining.explain(databases, an_id)
        except NothingKnown as unknown:
            raise click.ClickException(unknown.message()) from None
    _show(answer)


def _show(answer: Answer) -> None:
    rows = [(f"{link.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], link.what, link.who, link.id) for link in answer.chain]
    table(("at", "what", "who", "id"), rows)
    click.echo()
    finding = answer.finding
    click.secho(f"{answer.kind} {answer.id}: {finding.code}", bold=True)
    by = "" if finding.by is None else f" ({finding.by:%Y-%m-%d %H:%M:%S} UTC)"
    for title, words in (("now", finding.now), ("next", finding.next and finding.next + by), ("to do", finding.to_do)):
        if words:
            click.echo(f"{title:6} {words}")
