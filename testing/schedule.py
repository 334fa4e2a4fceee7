"""How the tests are spread over the cores, and what they took of the time that they may take."""

import os
import time
from typing import Final

import pytest

BUDGET: Final = 8 * 60
"""Seconds that `make test` may take on two quiet cores. Every run prints what it took; none fails for it."""

WORKERS_PER_CORE: Final = 2
"""A test of processes waits for half of its time."""

_OF_PROCESSES: Final = frozenset({"stack", "quiet_path", "servers", "gateway", "worker", "repository"})
"""Fixtures that start processes: tests that use them take seconds where others take milliseconds."""

_began = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """Remember when the tests began."""
    config.stash[_began] = time.monotonic()


def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` means."""
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move files with tests of processes to the front, in the order in which they came: none shall begin last."""
    slow = {item.path for item in items if isinstance(item, pytest.Function) and _OF_PROCESSES & {*item.fixturenames}}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how long all tests took, where they were spread over the cores."""
    if config.getoption("numprocesses"):
        minutes, seconds = divmod(round(time.monotonic() - config.stash[_began]), 60)
        terminalreporter.write_line(
            f"The tests took {minutes} min {seconds} s of the {BUDGET // 60} min that `make test` may take."
        )
