"""The figures as text: a table for the terminal, the same for the page, and what falls short."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tools import pages
from tools.bench.events.rows import RAW, ROWS, Row, Sample

_BEGIN: Final = "<!-- figures: written by `make bench-events` -->"
_END: Final = "<!-- end of figures -->"


def number(value: float) -> str:
    """Return a number with three digits that matter."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cells(row: Row, samples: Sequence[Sample]) -> list[str]:
    """Return a line of the table: title, figure, range, repetitions, must, aim, verdict."""
    sign = "≥" if row.more_is_better else "≤"
    goals = [f"{sign} {number(row.must)}{_unit(row)}", number(row.aim) if row.aim is not None else ""]
    values = row.values(samples)
    if not values:
        return [row.title, "not measured", "", "0", *goals, "—"]
    figure = row.figure(values)
    span = f"{number(values[0])} … {number(values[-1])}"
    return [row.title, f"{number(figure)}{_unit(row)}", span, str(len(values)), *goals, verdict(row, figure)]


def verdict(row: Row, figure: float) -> str:
    """Return whether the figure reaches what it must, and what is aimed at."""
    if not row.reached(figure, row.must):
        return "SHORT"
    return "aim" if row.aim is not None and row.reached(figure, row.aim) else "ok"


def _unit(row: Row) -> str:
    return f" {row.unit}" if row.unit else ""


HEAD: Final = ["figure", "median", "range", "runs", "must", "aim", "reached"]


def table(samples: Sequence[Sample]) -> str:
    """Return the table as aligned text."""
    return pages.aligned([HEAD, *(cells(row, samples) for row in ROWS)])


def raw(samples: Sequence[Sample]) -> list[str]:
    """Return what the ratios are made of, a line each."""
    lines = []
    for name, title in RAW.items():
        values = sorted(value for sample in samples if isinstance(value := sample.get(name), float | int))
        if values:
            lines.append(f"{title}: {number(median(values))} ({number(values[0])} … {number(values[-1])})")
    return lines


def write_page(page: Path, samples: Sequence[Sample], where: str) -> None:
    """Put table, machine and shortfalls between the marks of the page."""
    rows = [cells(row, samples) for row in ROWS]
    short = [row[0] for row in rows if row[-1] in {"SHORT", "—"}]
    block = [
        pages.table(HEAD, rows),
        "",
        where,
        "",
        *(f"- {line}" for line in raw(samples)),
        "",
        f"Falls short or was not measured: {'; '.join(short)}." if short else "Nothing falls short.",
    ]
    pages.replace_block(page, _BEGIN, _END, "\n".join(block))
