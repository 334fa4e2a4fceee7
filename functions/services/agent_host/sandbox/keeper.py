"""Trees of processes, ended as wholes.

Whoever keeps them is the parent of every process below that has lost its own, so that all are found from there by
their marks, whatever sessions and groups they have made for themselves.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from . import process_tree
from .limits import Limits

_KILL_SECONDS: Final = 0.005
"""Between two looks at whether a tree that was killed is gone."""

_COUNT_SECONDS: Final = 0.1
"""Between two counts of a tree's processes, for one that starts them at its limit."""


@dataclass
class Tree:
    """A process with everything below it."""

    mark: int
    limits: Limits
    ended: Callable[["Tree"], None]
    """Called once nothing of it is left."""
    pid: int = 0
    """Of its main process; 0 until that is there."""
    status: int | None = None
    """Of its main process, once that has ended."""
    cpu_seconds: float = 0
    kill_at: float | None = None
    """When everything of it is killed, by the monotonic clock."""
    forks_left: int = 0
    counted_at: float = 0
    stopped: set[int] = field(default_factory=set)

    @property
    def is_due(self) -> bool:
        """Return whether it is being killed."""
        return self.kill_at is not None and self.kill_at <= monotonic()


class Keeper:
    """All trees of this process."""

    def __init__(self) -> None:
        """Keep none."""
        self.trees: dict[int, Tree] = {}

    @property
    def patience(self) -> float | None:
        """Return in how many seconds `kill` has something to do; None for never."""
        moments = [tree.kill_at for tree in self.trees.values() if tree.kill_at is not None]
        return max(_KILL_SECONDS, min(moments) - monotonic()) if moments else None

    def end(self, mark: int, grace: float) -> None:
        """Have a tree's main process end by SIGTERM, and everything of it be killed after so many seconds."""
        tree = self.trees.get(mark)
        if tree is None:
            return
        until = monotonic() + grace
        tree.kill_at = until if tree.kill_at is None else min(until, tree.kill_at)
        if tree.pid and tree.status is None and grace > 0:
            process_tree.send([tree.pid], signal.SIGTERM)

    def end_all(self) -> None:
        """Have everything killed."""
        for mark in self.trees:
            self.end(mark, 0)

    def may_fork(self, tree: Tree) -> bool:
        """Return whether a tree may have one more process or thread: the kernel's own limit counts whole users."""
        if tree.is_due:
            return False
        if tree.forks_left <= 0 and monotonic() - tree.counted_at > _COUNT_SECONDS:
            pids = process_tree.by_mark(os.getpid()).get(tree.mark, [])
            tree.forks_left = tree.limits.processes - sum(map(process_tree.tasks_of, pids))
            tree.counted_at = monotonic()
        tree.forks_left -= 1
        return tree.forks_left >= 0

    def reap(self) -> None:
        """Take in which processes have ended. What a main process leaves behind is to end with it."""
        mains = {tree.pid: tree for tree in self.trees.values() if tree.pid}
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    break
                if pid in mains:
                    tree = mains[pid]
                    tree.status, tree.cpu_seconds = status, usage.ru_utime + usage.ru_stime
                    self.end(tree.mark, 0)

    def kill(self) -> None:
        """Go on killing what is due: it is stopped first, so that it can't outrun this by forking."""
        due = [tree for tree in self.trees.values() if tree.is_due]
        if not due:
            return
        present = process_tree.by_mark(os.getpid())
        for tree in due:
            pids = {pid for pid in present.get(tree.mark, []) if process_tree.runs(pid)}
            if tree.pid and tree.status is None:
                pids.add(tree.pid)
            if not pids:
                del self.trees[tree.mark]
                tree.ended(tree)
            elif pids <= tree.stopped:
                process_tree.send(pids, signal.SIGKILL)
            else:
                process_tree.send(pids - tree.stopped, signal.SIGSTOP)
                tree.stopped |= pids
