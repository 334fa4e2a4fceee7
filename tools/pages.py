"""Tables for pages and terminals, and the generated pages' beginning and blocks."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

NOTE: Final = "<!-- Written by `make manifests` from what the functions declare: change those, not this page. -->"


def head(title: str, about: str) -> str:
    """Return the beginning of a page that is generated as a whole."""
    return f"{NOTE}\n\n# {title}\n\n{about}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; a bar in a cell doesn't end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a table as text for a terminal, without a newline at its end: each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def replace_block(page: Path, begin: str, end: str, block: str) -> None:
    """Write `block` between the marks `begin` and `end`, which each stand in a line of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(f"{before}{begin}\n{block}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
