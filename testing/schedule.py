"""How the tests are spread over the cores, and what they took of the time that they may take."""

import os
import time
from collections.abc import Mapping
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

BUDGET: Final = 8 * 60
"""Seconds that `make test` may take on two quiet cores. Every run prints what it took; none fails for it."""

WORKERS_PER_CORE: Final = 2
"""A test of processes waits for half of its time."""

_KNATIVE: Final = "tools/manifests/tests/test_knative.py"

TOGETHER: Final[Mapping[str, str]] = {
    # They share a stack.
    "functions/tests/end_to_end/": "functions/tests/end_to_end",
    # What is made of an overlay, or of all declarations, takes a processor for seconds, and a process keeps it.
    "tools/manifests/tests/test_network.py": _KNATIVE,
    "tools/manifests/tests/test_event_pages.py": "tools/manifests/tests/test_files.py",
    "tools/manifests/tests/test_operations_pages.py": _KNATIVE,
}
"""Files and folders that one worker does with others, by what they are done with: they share what takes long."""

LONGEST: Final = (
    "functions/tests/test_how_to.py",
    "functions/tests/test_responses_are_documented.py",
    "functions/tests/end_to_end",
    "events/tests/test_outages.py",
    "functions/jobs/tests/test_converge.py",
    "functions/services/agent_host/tests/test_host.py",
    "functions/services/realtime/tests/test_outages.py",
    "functions/services/agent_host/sandbox/tests/test_children.py",
    "events/tests/test_kills.py",
    "events/tests/test_retry_store.py",
    "events/topology/tests/test_topology.py",
    "functions/tests/test_journey.py",
    "functions/services/realtime/tests/test_crowds.py",
    "cli/tests/test_agent_dev.py",
    "functions/jobs/tests/test_worker.py",
    "functions/services/agent_host/code_cache/tests/test_confined.py",
    "functions/services/realtime/tests/test_resuming.py",
    "tools/manifests/tests/test_generated_clients.py",
    "functions/services/agent_host/code_cache/tests/test_bundle_cache.py",
    "functions/services/runner/tests/test_runner.py",
    "testing/tests/test_sessions.py",
    "functions/tests/test_imports.py",
    "functions/tests/lifecycles",
    _KNATIVE,
)
"""Files and folders that take longest, those first. A run tells which ended last, and for how long the other workers
had nothing to do by then: what is named there again and again belongs here."""

_OF_PROCESSES: Final = frozenset({"stack", "quiet_path", "servers", "gateway", "worker", "repository"})
"""Fixtures that start processes: tests that use them take seconds where others take milliseconds."""

_began = pytest.StashKey[float]()
_spans = pytest.StashKey["Spans"]()


class Spans:
    """When which file was at work in which worker."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._by_unit: dict[str, tuple[float, float]] = {}
        self._last: dict[str, float] = {}

    def note(self, worker: str, file: str, start: float, stop: float) -> None:
        """Note a part of a test."""
        first, last = self._by_unit.get(_unit(file), (start, stop))
        self._by_unit[_unit(file)] = min(first, start), max(last, stop)
        self._last[worker] = max(self._last.get(worker, stop), stop)

    def end(self) -> str:
        """Return what the end was like: which file ended last, and how long others had waited for it."""
        if not self._by_unit:
            return "No test was run."
        file, (start, stop) = max(self._by_unit.items(), key=lambda item: item[1][1])
        idle = sum(stop - last for last in self._last.values())
        return f"The last was {file}, after {stop - start:.0f} s; the other workers had waited for {idle:.0f} s in all."


def pytest_configure(config: pytest.Config) -> None:
    """Remember when the tests began."""
    config.stash[_began] = time.monotonic()
    config.stash[_spans] = Spans()
    config.pluginmanager.register(_Noting(config.stash[_spans]))


class _Noting:
    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note where and when a part of a test was."""
        # What a worker that died was at has no times.
        if report.stop:
            self._spans.note(getattr(report, "worker_id", ""), report.location[0], report.start, report.stop)


class _Schedule(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Has the tests of a file done by one worker, and some files too."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid.partition("::")[0])


def _unit(file: str) -> str:
    """Return what one worker does all tests of: the file, or what it is done with."""
    return next((unit for part, unit in TOGETHER.items() if file.startswith(part)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Return what spreads the tests, where they are spread by their files."""
    return _Schedule(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` means."""
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move long files to the front, the longest first, then those with tests of processes: none shall begin last."""
    slow = {item.path for item in items if isinstance(item, pytest.Function) and _OF_PROCESSES & {*item.fixturenames}}
    rest = len(LONGEST)

    def place(item: pytest.Item) -> int:
        # Its location says the same, but is looked up in the source for each of them.
        unit = _unit(item.nodeid.partition("::")[0])
        named = (at for at, each in enumerate(LONGEST) if unit == each or unit.startswith(f"{each}/"))
        return next(named, rest if item.path in slow else rest + 1)

    items.sort(key=place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how long all tests took, where they were spread over the cores."""
    if config.getoption("numprocesses"):
        minutes, seconds = divmod(round(time.monotonic() - config.stash[_began]), 60)
        terminalreporter.write_line(
            f"The tests took {minutes} min {seconds} s of the {BUDGET // 60} min that `make test` may take."
        )
        terminalreporter.write_line(config.stash[_spans].end())
