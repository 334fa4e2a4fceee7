"""docs/reference/faults.md: what must hold whatever breaks in the event path, and what sees whether it does."""

from pathlib import Path
from typing import Final

from tools.chaos.coverage import ROWS, Item, Row
from tools.manifests.pages import head, table

FILE: Final = Path("docs/reference/faults.md")

ABOUT: Final = (
    "What must hold of the event path whatever breaks, and what sees whether it does: tests, which `make test` runs, "
    "and faults of `make chaos`, which happen again and again under load (what they found is in "
    "[performance/faults.md](../performance/faults.md)). In all of them the history is compared: *lost* is committed "
    "and never delivered, *inverted* is delivered for the first time after a later event of its subject."
)


def page() -> str:
    """Return the page."""
    return "\n\n".join([head("What can break", ABOUT), *map(_section, ROWS)]) + "\n"


def _section(row: Row) -> str:
    rows = [(item.what, ", ".join(_seen_by(item)), item.note) for item in row.items]
    title = row.kind[0].upper() + row.kind[1:]
    return f"## {title}\n\nMust hold: {row.holds}.\n\n{table(('what happens', 'seen by', ''), rows)}"


def _seen_by(item: Item) -> list[str]:
    tests = [
        f"[{name.split('.')[1][5:].replace('_', ' ')}](../../events/tests/{name.split('.')[0]}.py)"
        for name in item.tests
    ]
    return tests + [f"`make chaos ONLY={name}`" for name in item.faults]
