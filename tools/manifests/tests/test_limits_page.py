"""The page of limits says the numbers that the code, the settings and the edge have."""

import importlib
import re
from pathlib import Path
from typing import Final

import pytest

from tools.manifests.settings_table import SETTINGS

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "reference" / "limits.md").read_text()
GUIDE: Final = (ROOT / "docs" / "how-to" / "write-and-publish-an-agent.md").read_text()
EDGE: Final = (ROOT / "deploy" / "nginx" / "start.sh").read_text()

ROWS: Final = re.findall(r"^\| ([^|]+) \| ([\d,]+(?: [KM]iB)?) \| `([\w.]+)` \|", PAGE, re.MULTILINE)
UNITS: Final = {"": 1, " KiB": 1024, " MiB": 1024 * 1024}


def number(text: str) -> int:
    """Return what a number with a unit is, as the page writes it."""
    digits = re.match(r"[\d,]+", text)
    assert digits is not None
    return int(digits[0].replace(",", "")) * UNITS[text[digits.end() :]]


def said(place: str) -> int:
    """Return the number that a constant, a setting or the edge has."""
    if place.startswith("EDGE_"):
        [found] = re.findall(rf"\$\{{{place}:=(\d+)", EDGE)
        return int(found)
    if place in SETTINGS:
        return int(re.sub(r"\D.*", "", SETTINGS[place].default.replace(",", "")))
    module, _, name = place.rpartition(".")
    constant: object = getattr(importlib.import_module(module), name)
    assert isinstance(constant, int)
    return constant


@pytest.mark.parametrize(("what", "most", "place"), ROWS, ids=[what for what, _, _ in ROWS])
def test_the_page_has_the_number_that_counts(what: str, most: str, place: str) -> None:
    assert number(most) == said(place), what


def test_no_row_is_overlooked() -> None:
    limits = PAGE[: PAGE.index("## What costs much")]
    assert len(ROWS) == limits.count("\n| ") - limits.count("\n| what ") - limits.count("\n| --- ") > 30
    assert all(f"`{name}`" in PAGE for name in ("EDGE_BURST", "EDGE_GUESS_BURST"))


@pytest.mark.parametrize("what", ["a bundle, packed", "a bundle, unpacked", "files in a bundle"])
def test_the_guide_for_authors_has_the_same_numbers(what: str) -> None:
    [most] = [most for name, most, _ in ROWS if name == what]
    assert most in GUIDE
