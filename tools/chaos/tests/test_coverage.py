"""What docs/reference/faults.md says is tested is tested."""

import importlib
import re

from provisioning.local_settings import ROOT
from tools.chaos.table import FAULTS

PAGE = (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
TESTS = set(re.findall(r"\[([^]]+)\]\(\.\./\.\./events/tests/(\w+)\.py\)", PAGE))
NAMED_FAULTS = set(re.findall(r"`make chaos ONLY=([\w-]+)`", PAGE))
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]


def test_every_test_that_is_named_exists() -> None:
    assert TESTS
    for title, module in TESTS:
        name = f"test_{title.replace(' ', '_')}"
        assert callable(getattr(importlib.import_module(f"events.tests.{module}"), name)), name


def test_every_fault_has_its_place() -> None:
    assert set(FAULTS) == NAMED_FAULTS


def test_everything_that_can_happen_is_seen_by_something() -> None:
    happening = [row for row in ROWS if row[0] != "what happens"]
    assert [row[0] for row in happening if "events/tests/" not in row[1] and "make chaos" not in row[1]] == []
