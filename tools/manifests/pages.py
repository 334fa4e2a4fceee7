"""What all generated pages have in common."""

from collections.abc import Iterable, Sequence
from typing import Final

NOTE: Final = "<!-- Written by `make manifests` from what the functions declare: change those, not this page. -->"


def head(title: str, about: str) -> str:
    """Return the beginning of a page."""
    return f"{NOTE}\n\n# {title}\n\n{about}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell doesn't end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
