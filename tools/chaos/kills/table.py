"""The tables of a run: what happened how often, and what was held."""

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median

from tools import pages
from tools.chaos.kills.noted import Violation
from tools.chaos.kills.platform import Platform

Rows = list[list[str]]


def faults(platform: Platform) -> Rows:
    """Return who was killed how often, and for how long it was away."""
    rows = [["killed with SIGKILL", "times", "away p50/max s"]]
    for name in platform.weights:
        away = platform.outages.get(name, [])
        spread = f"{median(away):.1f} / {max(away):.1f}" if away else "—"
        rows.append([name, f"{platform.kills[name]:,}", spread])
    return rows


def invariants(texts: Mapping[str, str], seen: Mapping[str, str], violations: Iterable[Violation]) -> Rows:
    """Return what must hold, of how many things it was seen, and how often it didn't."""
    broken = Counter(each.invariant for each in violations)
    return [
        ["what must hold", "seen of", "violations"],
        *([text, seen[name], f"{broken[name]:,}"] for name, text in texts.items()),
    ]


def text(tables: Iterable[Rows]) -> str:
    """Return tables for a terminal."""
    return "\n\n".join(map(pages.aligned, tables))


def markdown(tables: Iterable[Rows]) -> str:
    """Return tables for a page."""
    return "\n\n".join(pages.table(head, rows) for head, *rows in tables)
