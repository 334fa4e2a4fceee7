"""The page about OWASP's ASVS has each requirement once, and names tests that there are."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security" / "asvs.md"

SECTIONS: Final = """
1.1=2 1.2=9 1.3=11 1.4=3 1.5=2 2.1=3 2.2=3 2.3=4 2.4=1 3.2=2 3.3=4 3.4=6 3.5=5 3.7=2 4.1=3 4.2=1 4.3=2 4.4=4
5.1=1 5.2=3 5.3=2 5.4=3 6.1=3 6.2=12 6.3=4 6.4=4 6.5=5 6.6=3 6.8=4 7.1=3 7.2=4 7.3=2 7.4=5 7.5=2 7.6=2
8.1=2 8.2=3 8.3=1 8.4=1 9.1=3 9.2=4 10.1=2 10.2=2 10.3=4 10.4=11 10.5=5 10.6=2 10.7=3
11.1=2 11.2=3 11.3=3 11.4=4 11.5=1 11.6=1 12.1=3 12.2=2 12.3=4 13.1=1 13.2=5 13.3=2 13.4=5
14.1=2 14.2=4 14.3=3 15.1=3 15.2=3 15.3=7 16.1=1 16.2=5 16.3=4 16.4=3 16.5=3 17.1=1 17.2=4 17.3=2
"""
"""How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has. They are its first ones, numbered from 1."""

IDS: Final = [
    f"{section}.{number}"
    for section, _, most in (each.partition("=") for each in SECTIONS.split())
    for number in range(1, int(most) + 1)
]

SHORT: Final = 32
"""How many may be short. Make it less when one is mended, and never more."""

ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
COUNT = re.compile(r"^\| \[V(\d+) [^|]*\| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
TEST = re.compile(r"`([^`:]+\.py)::(test_\w+)`")
KINDS = {
    "shown": re.compile(r"`[^`:]+\.py::test_\w+`(, `[^`:]+\.py::test_\w+`)*( \(.+\))?"),
    "not applicable": re.compile(r"not applicable: because \w.*"),
    "short": re.compile(r"short: \S.*"),
}

ROWS: Final = ROW.findall(PAGE.read_text())


def kind_of(cell: str) -> str:
    """Return which of the three a row says."""
    [kind] = [name for name, form in KINDS.items() if form.fullmatch(cell)]
    return kind


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_each_requirement_has_one_row() -> None:
    assert len(IDS) == 253
    assert [id_ for id_, _, _ in ROWS] == IDS


@pytest.mark.parametrize(("id_", "asks", "cell"), ROWS, ids=[id_ for id_, _, _ in ROWS])
def test_a_row_says_what_is_asked_and_one_of_three(id_: str, asks: str, cell: str) -> None:
    assert id_ in IDS
    assert len(asks.split()) <= 12
    named = TEST.findall(cell)
    assert bool(named) == (kind_of(cell) == "shown")
    assert [(file, test) for file, test in named if test not in functions_of(file)] == []


def test_the_counts_at_the_head_are_those_of_the_rows() -> None:
    told = {chapter: tuple(map(int, counts)) for chapter, *counts in COUNT.findall(PAGE.read_text())}
    said: dict[str, list[str]] = {}
    for id_, _, cell in ROWS:
        said.setdefault(id_.split(".")[0], []).append(kind_of(cell))
    assert told == {chapter: tuple(kinds.count(kind) for kind in KINDS) for chapter, kinds in said.items()}
    total = " | ".join(str(sum(each)) for each in zip(*told.values(), strict=True))
    assert f"\n| all | {total} |\n" in PAGE.read_text()


def test_no_more_is_short_than_was() -> None:
    assert [kind_of(cell) for _, _, cell in ROWS].count("short") == SHORT
