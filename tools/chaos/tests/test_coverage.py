"""What docs/reference/faults.md says is tested is tested."""

import importlib

from tools.chaos.coverage import ROWS
from tools.chaos.table import FAULTS

ITEMS = [item for row in ROWS for item in row.items]


def test_every_test_that_is_named_exists() -> None:
    for name in {name for item in ITEMS for name in item.tests}:
        module, _, function = name.partition(".")
        assert callable(getattr(importlib.import_module(f"events.tests.{module}"), function)), name


def test_every_fault_has_its_place() -> None:
    assert {name for item in ITEMS for name in item.faults} == set(FAULTS)


def test_everything_that_can_happen_is_seen_by_something() -> None:
    assert [item.what for item in ITEMS if not item.tests and not item.faults] == []
