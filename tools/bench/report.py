"""Figures as text: a table for the terminal, the same for the page of docs/performance, and what falls short."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from provisioning.local_settings import ROOT
from tools import pages
from tools.bench.rows import Row, Sample

FOLDER: Final = ROOT / "docs" / "performance"

HEAD: Final = ["figure", "median", "range", "runs", "must", "aim", "reached"]


@dataclass(frozen=True)
class Report:
    """What is told of a benchmark's samples."""

    name: str
    """That of the page, and of the target of the Makefile after `bench-`."""
    rows: Sequence[Row]
    raw: Mapping[str, str]
    """What the ratios are made of, by name in a sample, with its title; shown below the table."""

    def table(self, samples: Sequence[Sample]) -> str:
        """Return the table as aligned text."""
        return pages.aligned([HEAD, *(cells(row, samples) for row in self.rows)])

    def raw_lines(self, samples: Sequence[Sample]) -> list[str]:
        """Return what the ratios are made of, a line each."""
        lines = []
        for name, title in self.raw.items():
            values = sorted(value for sample in samples if isinstance(value := sample.get(name), float | int))
            if values:
                lines.append(f"{title}: {number(median(values))} ({number(values[0])} … {number(values[-1])})")
        return lines

    def save(
        self, samples: Sequence[Sample], where: str, *, more: str = "", beside: Mapping[str, object] | None = None
    ) -> None:
        """Write table, machine, shortfalls and `more` between the marks of the page.

        The samples are written to the file of JSON beside the page, with what is to be `beside` them.
        """
        rows = [cells(row, samples) for row in self.rows]
        short = [row[0] for row in rows if row[-1] in {"SHORT", "—"}]
        block = [
            pages.table(HEAD, rows),
            "",
            where,
            "",
            *(f"- {line}" for line in self.raw_lines(samples)),
            "",
            f"Falls short or was not measured: {'; '.join(short)}." if short else "Nothing falls short.",
            *(("", more) if more else ()),
        ]
        begin, end = f"<!-- figures: written by `make bench-{self.name}` -->", "<!-- end of figures -->"
        pages.replace_block(FOLDER / f"{self.name}.md", begin, end, "\n".join(block))
        kept = json.dumps({"where": where, "samples": samples, **(beside or {})}, indent=1, ensure_ascii=False)
        (FOLDER / f"{self.name}.json").write_text(f"{kept}\n", encoding="utf-8")


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
