"""What children use, looked at from outside: the kernel keeps no limit for a whole tree of processes everywhere."""

import logging
import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final

from . import process_tree
from .exits import ExitCause
from .limits import Limits

log = logging.getLogger(__name__)

SECONDS: Final = 0.25

RESTING_SECONDS: Final = 1.0
"""While nobody is awake: what versions are forked from, and children that wait, are asked nothing and do nothing."""

DISK_EVERY: Final = 8
"""Disk is looked at each time that memory has been so often."""

DISK_SECONDS: Final = 10
"""A folder that takes longer to walk through is as good as too full."""

_SPARE_TASKS: Final = 8
"""A fork that is under way may be counted twice."""

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_BLOCK: Final = 512


class Used:
    """A child, as far as it is looked at."""

    def __init__(
        self, mark: int, home: Path, limits: Limits, exceed: Callable[[ExitCause], object], *, rests: bool
    ) -> None:
        """Have `exceed` called once it uses more than its limits. `rests`: it is asked nothing just now."""
        self.mark = mark
        self.home = home
        self.limits = limits
        self.exceed = exceed
        self.rests = rests


class UsageWatch:
    """A thread that looks at all children of a process."""

    def __init__(self, children: Callable[[], Sequence[Used]], spawner: Callable[[], int | None]) -> None:
        """`children` and `spawner` say which there are just now, and from which process they are forked."""
        self._children = children
        self._spawner = spawner
        self._stop = Event()
        self._free = 0
        """Bytes that were free where children have their folders when these were looked at last."""
        self._thread = Thread(target=self._run, daemon=True, name="usage of children")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        turn, due = 0, 0.0
        while not self._stop.wait(SECONDS):
            children, spawner = self._children(), self._spawner()
            if not children or spawner is None or (all(each.rests for each in children) and monotonic() < due):
                continue
            due = monotonic() + RESTING_SECONDS
            turn += 1
            try:
                _look(children, spawner, with_disk=self._may_have_filled(children) or turn % DISK_EVERY == 0)
            except Exception:
                # Without it nobody's limits would be kept.
                log.exception("children were not looked at because of a bug")

    def _may_have_filled(self, children: Sequence[Used]) -> bool:
        """Return whether so much was written since the last time that one of them may be beyond its limit.

        A file system of a gigabyte in memory is full within a second, and then for everybody.
        """
        status = os.statvfs(children[0].home.parents[1])
        before, self._free = self._free, status.f_bavail * status.f_frsize
        return before - self._free > min(child.limits.disk_bytes for child in children) // DISK_EVERY


def _look(children: Sequence[Used], spawner: int, *, with_disk: bool) -> None:
    pids = process_tree.by_mark(spawner)
    # Of a version that has no zygote just now there is nothing to look at.
    children = [child for child in children if child.mark in pids]
    disk = _disk([child.home for child in children]) if with_disk and children else {}
    for child in children:
        own = pids.get(child.mark, [])
        if _memory(own, child.limits.memory_bytes) > child.limits.memory_bytes:
            child.exceed(ExitCause.OUT_OF_MEMORY)
        elif sum(map(process_tree.tasks_of, own)) > child.limits.processes + _SPARE_TASKS:
            child.exceed(ExitCause.TOO_MANY_PROCESSES)
        elif with_disk and disk.get(child.home, 0) + _deleted(own) > child.limits.disk_bytes:
            child.exceed(ExitCause.DISK_FULL)


def _memory(pids: Iterable[int], limit: int) -> int:
    """Return the memory of some processes in bytes: quickly what it is at most, and exactly only beyond `limit`."""
    most = sum(map(_resident, pids))
    return most if most <= limit else sum(map(_proportional, pids))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return int(text.partition("\nPss:")[2].split(maxsplit=1)[0]) * 1024
    except (OSError, IndexError):
        # It has ended, or runs a program that nobody may read, which counts in full.
        return _resident(pid)


def _disk(folders: Sequence[Path]) -> dict[Path, int]:
    """Return how many bytes lie in folders.

    By a program: folders may be nested deeper than a path can say, and be changed while they are walked through.
    """
    command = ["du", "-sx", "--block-size=1", "--", *map(str, folders)]
    try:
        done = subprocess.run(  # noqa: S603 - paths of ours
            command, capture_output=True, text=True, timeout=DISK_SECONDS * len(folders), check=False
        )
    except subprocess.TimeoutExpired:
        if len(folders) == 1:
            return {folders[0]: 1 << 62}
        return {folder: used for each in folders for folder, used in _disk([each]).items()}
    lines = (line.partition("\t") for line in done.stdout.splitlines())
    return {Path(folder): int(used) for used, _, folder in lines}


def _deleted(pids: Iterable[int]) -> int:
    """Return how many bytes of disk processes hold in files that have no name any more."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with suppress(OSError):
            for each in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    status = each.stat()
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    return sum(found.values())
