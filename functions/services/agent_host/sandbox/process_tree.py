"""The processes of children, found by their marks, which nothing that a process does changes or takes off."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK_LINE: Final = "Max file locks"
"""How the kernel calls the limit by which processes are marked, in `/proc/PID/limits`."""

_CPUCLOCK_SCHED: Final = 2
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def mark_of(pid: int) -> int | None:
    """Return the mark of a process; None if it has none or is gone."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return None
    hard = text.partition(MARK_LINE)[2].split(maxsplit=2)[1:2]
    return int(hard[0]) if hard and hard[0].isdigit() else None


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of all descendants, each after its parent."""
    waiting = children_of(pid)
    while waiting:
        found = waiting.pop()
        yield found
        waiting += children_of(found)


def children_of(pid: int) -> list[int]:
    """Return the ids of a process' own children."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def by_mark(root: int) -> dict[int, list[int]]:
    """Return the ids of the descendants of `root` that have a mark, by it."""
    found: dict[int, list[int]] = defaultdict(list)
    for pid in descendants(root):
        mark = mark_of(pid)
        if mark is not None:
            found[mark].append(pid)
    return found


def everywhere(marks: range) -> list[int]:
    """Return the ids of all processes of this machine that run and have one of the marks."""
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    marked = [pid for pid in pids if (mark := mark_of(pid)) is not None and mark in marks]
    return [pid for pid in marked if runs(pid)]


def processor_seconds(pid: int) -> float | None:
    """Return the processor time of a process and of those that it waited for; None if it is gone."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # Of its own the kernel knows every nanosecond. The number of a process' clock is a part of its ABI.
        own = time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return None
    waited_for = map(int, line.rpartition(")")[2].split()[13:15])
    return own + sum(waited_for) / _TICKS


def runs(pid: int) -> bool:
    """Return whether a process is there and hasn't ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The name stands in parentheses and may hold any character.
    return line.rpartition(")")[2].split()[0] not in "XZ"


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def tasks_of(pid: int) -> int:
    """Return how many threads a process has."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0
