"""The process that children are forked from, and that ends them: `main` is run by the host in a program of its own.

It has loaded what every child needs and no secret, has one thread and waits for nobody. It becomes the parent of every
process below it that loses its own, so nothing of a child escapes it. When it goes, or the host does, all children go.
"""

import gc
import os
import selectors
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EAGAIN
from pathlib import Path
from time import monotonic
from typing import Final, NoReturn

from . import boundary as boundaries
from . import forking, messages, notifications, process_tree, seccomp, serving
from .boundary import Boundary
from .connect_broker import ConnectBroker
from .destinations import Destinations
from .exits import BoundaryNotHeld
from .limits import Egress, Limits
from .messages import Channel, End, Ended, Received, Wake

KILL_SECONDS: Final = 0.005
"""Between two looks at whether a tree that was killed is gone."""

COUNT_SECONDS: Final = 0.1
"""Between two counts of a child's processes, for a child that starts them at its limit."""


@dataclass
class Tree:
    """A child, or a version zygote, with every process below it."""

    mark: int
    limits: Limits
    control: Channel | None
    """To its main process, until the boundary is on."""
    pid: int = 0
    listener: int = -1
    status: int | None = None
    """Of its main process, once that has ended."""
    cpu_seconds: float = 0
    kill_at: float | None = None
    """When everything of it is killed, by the monotonic clock."""
    forks_left: int = 0
    counted_at: float = 0
    stopped: set[int] = field(default_factory=set)


class Spawner:
    """One loop around everything."""

    def __init__(self, host: Channel, boundary: Boundary | None, destinations: Destinations) -> None:
        """`boundary` is None where children shall have none."""
        self._host = host
        self._boundary = boundary
        self._selector = selectors.DefaultSelector()
        self._broker = ConnectBroker(destinations, self._selector)
        self._trees: dict[int, Tree] = {}
        self._ends = False
        self._numbers = {name: seccomp.number(name) for name in ("connect",)} if boundary else {}

    def run(self) -> None:
        """Serve the host until it goes."""
        woken, waking = socket.socketpair()
        for each in (woken, waking):
            each.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno())
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._selector.register(self._host, selectors.EVENT_READ, self._hear_host)
        while not self._ends or self._trees:
            for key, _ in self._selector.select(self._patience()):
                call: Callable[[], None] = key.data
                call()
            self._broker.expire()
            self._kill()

    def _patience(self) -> float | None:
        if any(tree.kill_at is not None and tree.kill_at <= monotonic() for tree in self._trees.values()):
            return KILL_SECONDS
        moments = [tree.kill_at for tree in self._trees.values() if tree.kill_at is not None]
        if self._broker.deadline is not None:
            # Callers that are gone are looked for.
            moments.append(min(self._broker.deadline, monotonic() + 1))
        return max(0, min(moments) - monotonic()) if moments else None

    def _hear_host(self) -> None:
        received = self._host.receive()
        if received is None:
            self._selector.unregister(self._host)
            self._ends = True
            for tree in self._trees.values():
                tree.kill_at = monotonic()
        elif isinstance(received.content, Wake):
            self._wake(received, received.content)
        elif isinstance(received.content, End):
            self._end(received.content)

    def _end(self, order: End) -> None:
        tree = self._trees.get(order.mark)
        if tree is None:
            return
        until = monotonic() + order.grace
        tree.kill_at = until if tree.kill_at is None else min(until, tree.kill_at)
        if tree.pid and tree.status is None and order.grace > 0:
            process_tree.send([tree.pid], signal.SIGTERM)

    def _wake(self, received: Received, order: Wake) -> None:
        door, stdout, stderr = received.files
        ours, theirs = Channel.pair()
        tree = Tree(order.mark, Limits(**order.limits), ours)
        boundary, code = self._boundary, Path(order.code)
        packages = Path(order.packages) if order.packages else None
        parent = os.getpid()

        def run() -> None:
            control = Channel(socket.socket(fileno=forking.CONTROL))
            own = socket.socket(fileno=forking.DOOR)
            _end_with(parent)
            home = Path(order.home)
            serving.settle(home)
            boundaries.be_first_to_go()
            boundaries.limit_resources(tree.limits, order.mark)
            if boundary is not None:
                listener = boundary.enter(home, (code, *([packages] if packages else [])))
                control.send(messages.Bounded(), [listener])
                os.close(listener)
            control.close()
            serving.take_context(own)
            serving.serve(serving.load(code, packages), own)

        tree.pid = forking.fork((stdout, stderr, door, theirs.fileno()), run)
        theirs.close()
        messages.close(received.files)
        self._trees[tree.mark] = tree
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear_tree(tree, ours))

    def _hear_tree(self, tree: Tree, control: Channel) -> None:
        """Take the file that tells of a tree's calls: it comes from our own code, before any other has run."""
        received = control.receive()
        if received is not None and received.files:
            tree.listener = received.files[0]
            self._selector.register(tree.listener, selectors.EVENT_READ, lambda: self._decide(tree))
        self._selector.unregister(control)
        control.close()
        tree.control = None

    def _decide(self, tree: Tree) -> None:
        """Decide about one call of a process of the tree."""
        call = notifications.receive(tree.listener)
        if call is None:
            if not process_tree.runs(tree.pid):
                # No process is left that could call.
                self._forget_listener(tree)
        elif call.number == self._numbers["connect"]:
            self._broker.decide(call, tree.mark)
        elif self._may_fork(tree):
            call.proceed()
        else:
            call.fail(EAGAIN)

    def _may_fork(self, tree: Tree) -> bool:
        """Return whether the tree may have one more process or thread; the kernel's own limit counts whole users."""
        if tree.kill_at is not None and tree.kill_at <= monotonic():
            return False
        if tree.forks_left <= 0 and monotonic() - tree.counted_at > COUNT_SECONDS:
            pids = process_tree.by_mark(os.getpid()).get(tree.mark, [])
            tree.forks_left = tree.limits.processes - sum(map(process_tree.tasks_of, pids))
            tree.counted_at = monotonic()
        tree.forks_left -= 1
        return tree.forks_left >= 0

    def _forget_listener(self, tree: Tree) -> None:
        if tree.listener >= 0:
            self._selector.unregister(tree.listener)
            os.close(tree.listener)
            tree.listener = -1

    def _reap(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        mains = {tree.pid: tree for tree in self._trees.values()}
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    break
                if pid in mains:
                    mains[pid].status = status
                    mains[pid].cpu_seconds = usage.ru_utime + usage.ru_stime
                    # What it leaves behind ends with it.
                    mains[pid].kill_at = monotonic()

    def _kill(self) -> None:
        """End what is to be ended: stopped first, so that it can't outrun this by forking."""
        now = monotonic()
        due = [tree for tree in self._trees.values() if tree.kill_at is not None and tree.kill_at <= now]
        if not due:
            return
        present = process_tree.by_mark(os.getpid())
        for tree in due:
            pids = {pid for pid in present.get(tree.mark, []) if process_tree.runs(pid)}
            if tree.pid and tree.status is None:
                pids.add(tree.pid)
            if not pids:
                self._forget(tree)
            elif pids <= tree.stopped:
                process_tree.send(pids, signal.SIGKILL)
            else:
                process_tree.send(pids - tree.stopped, signal.SIGSTOP)
                tree.stopped |= pids

    def _forget(self, tree: Tree) -> None:
        self._forget_listener(tree)
        del self._trees[tree.mark]
        status = tree.status
        code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        with suppress(OSError):
            self._host.send(Ended(tree.mark, code, number, tree.cpu_seconds))


def _end_with(parent: int) -> None:
    boundaries.end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        # It went before it was asked for.
        raise SystemExit(1)


def main(host: int, egress: str, allowed: tuple[str, ...], *, bounded: bool) -> NoReturn:
    """Serve the host over the socket `host`."""
    serving.warm()
    boundaries.adopt_orphans()
    channel = Channel(socket.socket(fileno=host))
    try:
        boundary = Boundary.prepare() if bounded else None
    except BoundaryNotHeld as error:
        channel.send(messages.Unfit(str(error)))
        raise SystemExit(1) from None
    spawner = Spawner(channel, boundary, Destinations.of(Egress(egress), allowed))
    channel.send(messages.Ready())
    gc.collect()
    gc.freeze()
    spawner.run()
    raise SystemExit(0)
