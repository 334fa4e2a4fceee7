"""The process that children are forked from, and that ends them: `main` is run by the host in a program of its own.

It has loaded what every child needs and no secret, has one thread and waits for nobody. It becomes the parent of every
process below it that loses its own, so nothing of a child escapes it. When it goes, or the host does, all children go.
"""

import gc
import os
import select
import selectors
import signal
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EACCES, EAGAIN
from pathlib import Path
from time import monotonic, monotonic_ns
from typing import Final, NoReturn

from . import boundary as boundaries
from . import forking, messages, notifications, process_tree, seccomp, serving
from .boundary import Boundary
from .connect_broker import ConnectBroker
from .destinations import Destinations
from .exits import BoundaryNotHeld
from .keeper import Keeper, Tree
from .limits import Egress, Limits
from .messages import Channel, End, Ended, Fork, Here, Ready, Received, Wake
from .selection import ready
from .zygote import Zygote

LOAD_SECONDS: Final = 30
"""How long a version may take to load in a zygote, before its children load it for themselves."""

FORK_SECONDS: Final = 10
"""How long a zygote may take to fork a child."""

IDLE_SECONDS: Final = 300
"""How long a zygote stays without anybody being forked from it."""

ZYGOTES: Final = 32
"""How many there may be. One more ends the one that was idle for longest."""

UNFIT: Final = 1000
"""How many versions are remembered as not to be forked from."""

DECISIONS: Final = 1000
"""How many connects and forks of a version, or of a child that has loaded it for itself, are decided in a second."""

_PAUSE_SECONDS: Final = 0.1

_ZYGOTE_LIMITS: Final = Limits(
    memory_bytes=1 << 36, cpu_seconds=1 << 20, processes=64, open_files=4096, file_bytes=1 << 40, disk_bytes=1 << 40
)
"""So that no child's limit is beyond them: those can only go down. What a zygote uses is looked at by the host."""

_ZYGOTE_HOME: Final = "zygote"
"""The name of its folder, which goes with it: among those of its children."""

_ZYGOTE_FILES: Final = 5
"""Open files of a zygote: the standard ones, the door's place, and its channel."""


@dataclass
class Order:
    """A child that is to be forked from a zygote and isn't there yet."""

    wake: Wake
    files: list[int]
    """Its door, stdout and stderr, until it is."""
    deadline: float
    sent: bool = False
    """Whether the zygote was told of it."""


@dataclass
class Version:
    """A zygote, from the outside."""

    tree: Tree
    control: Channel
    used_at: float
    ready: bool = False
    busy: bool = False
    """Whether it is at a fork, so that it has a process and files that tell nothing against it."""
    orders: dict[int, Order] = field(default_factory=dict)
    """By the child's mark."""


class Spawner:
    """One loop around everything."""

    def __init__(self, host: Channel, boundary: Boundary | None, destinations: Destinations) -> None:
        """`boundary` is None where children shall have none."""
        self._host = host
        self._boundary = boundary
        self._selector = selectors.DefaultSelector()
        self._broker = ConnectBroker(destinations, self._selector)
        self._keeper = Keeper()
        self._versions: dict[str, Version] = {}
        self._unfit: dict[str, None] = {}
        self._second = 0
        self._decisions: Counter[int] = Counter()
        """Of this second, by listener."""
        self._paused: set[int] = set()
        self._ends = False
        self._connect = seccomp.number("connect") if boundary else 0

    def run(self) -> None:
        """Serve the host until it goes."""
        woken, waking = socket.socketpair()
        for each in (woken, waking):
            each.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno())
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._selector.register(self._host, selectors.EVENT_READ, self._hear_host)
        while not self._ends or self._keeper.trees:
            for call in ready(self._selector, self._patience()):
                call()
            self._broker.expire()
            self._expire_versions()
            self._resume()
            self._keeper.kill()
        # A zygote may still end, and there is nobody to wake any more.
        signal.set_wakeup_fd(-1)

    def _patience(self) -> float | None:
        waits = [self._keeper.patience]
        if self._paused:
            waits.append(_PAUSE_SECONDS)
        if self._broker.deadline is not None or self._versions:
            # Callers that are gone are looked for, and zygotes that are idle or stuck.
            waits.append(1)
        return min((each for each in waits if each is not None), default=None)

    def _reap(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        self._keeper.reap()

    def _hear_host(self) -> None:
        received = self._host.receive()
        if received is None:
            self._selector.unregister(self._host)
            self._ends = True
            self._keeper.end_all()
        elif isinstance(received.content, Wake):
            self._wake(received, received.content)
        elif isinstance(received.content, End):
            self._keeper.end(received.content.mark, received.content.grace)

    def _wake(self, received: Received, wake: Wake) -> None:
        """Start a child: forked from its version's zygote where there can be one, else from this process."""
        self._keeper.trees[wake.mark] = Tree(wake.mark, Limits(**wake.limits), self._tell_end)
        order = Order(wake, received.files, monotonic() + LOAD_SECONDS)
        version = self._version(wake)
        if version is None:
            self._fork(order)
            return
        version.orders[wake.mark] = order
        self._fork_next(wake.digest, version)

    def _tell_end(self, tree: Tree) -> None:
        status = tree.status
        code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        with suppress(OSError):
            self._host.send(Ended(tree.mark, code, number, tree.cpu_seconds))

    def _fork(self, order: Order) -> None:
        """Fork a child that loads the version for itself."""
        wake, tree, boundary = order.wake, self._keeper.trees.get(order.wake.mark), self._boundary
        if tree is None or tree.is_due:
            messages.close(order.files)
            return
        door, stdout, stderr = order.files
        ours, theirs = Channel.pair()
        code, packages = Path(wake.code), Path(wake.packages) if wake.packages else None
        spawner = os.getpid()

        def run() -> None:
            control = Channel(socket.socket(fileno=forking.CONTROL))
            own = socket.socket(fileno=forking.DOOR)
            home = Path(wake.home)
            _settle(spawner, home, Limits(**wake.limits), wake.mark)
            if boundary is not None:
                listener = boundary.enter(home, (code, *([packages] if packages else [])))
                control.send(messages.Bounded(), [listener])
                os.close(listener)
            control.close()
            serving.take_context(own)
            serving.serve(serving.load_or_tell(code, packages), own)

        tree.pid = forking.fork((stdout, stderr, door, theirs.fileno()), run)
        theirs.close()
        messages.close(order.files)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear_child(ours))

    def _hear_child(self, control: Channel) -> None:
        """Take the file that tells of a child's calls: it comes from our own code, before any other has run."""
        received = control.receive()
        if received is not None:
            self._listen(received)
        self._selector.unregister(control)
        control.close()

    # Zygotes

    def _version(self, wake: Wake) -> Version | None:
        """Return the zygote of a version, which may be loading still; None if it can have none."""
        version = self._versions.get(wake.digest)
        if version is not None:
            version.used_at = monotonic()
            return version
        if self._boundary is None or wake.digest in self._unfit or wake.zygote_mark in self._keeper.trees:
            return None
        if len(self._versions) >= ZYGOTES:
            self._end_version(min(self._versions, key=lambda digest: self._versions[digest].used_at))
        return self._load(wake, self._boundary)

    def _load(self, wake: Wake, boundary: Boundary) -> Version:
        ours, theirs = Channel.pair()
        ours.ask_senders()
        spawner = os.getpid()
        # The folders of its children lie in it.
        below = Path(wake.home).parent
        code, packages = Path(wake.code), Path(wake.packages) if wake.packages else None

        def run() -> None:
            control = Channel(socket.socket(fileno=forking.CONTROL))
            zygote = Zygote(control, code, packages, boundary, spawner)
            home = below / _ZYGOTE_HOME
            home.mkdir(mode=0o700, exist_ok=True)
            _settle(spawner, home, _ZYGOTE_LIMITS, wake.zygote_mark)
            listener = boundary.enter(below, zygote.readable, forks_children=True)
            control.send(messages.Bounded(), [listener])
            os.close(listener)
            zygote.run()

        nothing = os.open(os.devnull, os.O_RDWR)
        tree = Tree(wake.zygote_mark, _ZYGOTE_LIMITS, lambda _: _discard(below / _ZYGOTE_HOME))
        tree.pid = forking.fork((nothing, nothing, nothing, theirs.fileno()), run)
        messages.close([nothing])
        theirs.close()
        self._keeper.trees[tree.mark] = tree
        version = self._versions[wake.digest] = Version(tree, ours, monotonic())
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear_version(wake.digest, version))
        return version

    def _hear_version(self, digest: str, version: Version) -> None:
        """Take what a zygote says, or one of its children by its channel."""
        try:
            received = version.control.receive()
        except messages.NoMessage:
            received = None
        content = received.content if received else None
        if received is not None and isinstance(content, messages.Bounded) and not version.ready:
            self._listen(received)
            return
        if received is not None:
            messages.close(received.files)
        if isinstance(content, Ready) and (version.busy or not version.ready):
            version.ready, version.busy = True, False
            self._fork_next(digest, version)
        elif received is not None and isinstance(content, Here):
            self._take_child(version, content.mark, received.sender)
            self._fork_next(digest, version)
        else:
            self._give_up(digest)

    def _is_fit(self, version: Version) -> bool:
        """Return whether a zygote has nothing by which it, or one child, could get at what another is given.

        Which would be threads, processes, open files or memory that they share.
        """
        pid = version.tree.pid
        try:
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            shared = any(line.split(maxsplit=2)[1][1::2] == "ws" for line in _mappings(pid))
        except OSError:
            return False
        alone = process_tree.tasks_of(pid) == 1 and not list(process_tree.descendants(pid))
        return alone and files <= _ZYGOTE_FILES and not shared

    def _fork_next(self, digest: str, version: Version) -> None:
        """Have a zygote fork the next child that is ordered: one at a time, as only at rest it shows what it is."""
        order = next(iter(version.orders.values()), None)
        if order is None or order.sent or version.busy or not version.ready:
            return
        if not self._is_fit(version):
            self._give_up(digest)
            return
        version.busy = order.sent = True
        order.deadline = monotonic() + FORK_SECONDS
        # When it is gone its end is heard of, and children get their turn otherwise.
        with suppress(OSError):
            version.control.send(Fork(order.wake.mark, order.wake.home, order.wake.limits), order.files)

    def _take_child(self, version: Version, mark: int, pid: int) -> None:
        """Take in which process a child is, by the kernel's word and its mark."""
        order, tree = version.orders.get(mark), self._keeper.trees.get(mark)
        if process_tree.mark_of(pid) != mark or pid not in process_tree.children_of(os.getpid()):
            return
        if order is None or tree is None:
            # It was ended before it was there.
            process_tree.send([pid], signal.SIGKILL)
            return
        tree.pid = pid
        messages.close(version.orders.pop(mark).files)

    def _give_up(self, digest: str) -> None:
        """Fork no more from a version's zygote; who waits for it loads the version for itself."""
        self._unfit[digest] = None
        if len(self._unfit) > UNFIT:
            del self._unfit[next(iter(self._unfit))]
        self._end_version(digest)

    def _end_version(self, digest: str) -> None:
        version = self._versions.pop(digest)
        self._selector.unregister(version.control)
        version.control.close()
        self._keeper.end(version.tree.mark, 0)
        for order in version.orders.values():
            self._fork(order)

    def _expire_versions(self) -> None:
        now = monotonic()
        for digest, version in list(self._versions.items()):
            for mark in [each for each in version.orders if each not in self._keeper.trees]:
                messages.close(version.orders.pop(mark).files)
            if any(order.deadline < now for order in version.orders.values()):
                self._give_up(digest)
            elif not version.orders and version.used_at + IDLE_SECONDS < now:
                self._end_version(digest)
            else:
                # Who was at its turn may have been ended before it was there.
                self._fork_next(digest, version)

    # Calls that wait for a decision

    def _listen(self, received: Received) -> None:
        for listener in received.files:
            self._watch(listener)

    def _watch(self, listener: int) -> None:
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._decide(listener))

    def _is_pausing(self, listener: int) -> bool:
        """Count a decision, and pause after too many in a second: who asks all the time shall not hold up others."""
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._decisions.clear()
        self._decisions[listener] += 1
        if self._decisions[listener] <= DECISIONS:
            return False
        self._selector.unregister(listener)
        self._paused.add(listener)
        return True

    def _resume(self) -> None:
        """Go on with who has asked too much, in the next second."""
        if self._paused and int(monotonic()) != self._second:
            for listener in self._paused:
                self._watch(listener)
            self._paused.clear()

    def _decide(self, listener: int) -> None:
        """Decide about one call of a process."""
        if self._is_pausing(listener):
            return
        call = notifications.receive(listener)
        if call is None:
            if _has_hung_up(listener):
                # No process is left that could call.
                self._selector.unregister(listener)
                os.close(listener)
            return
        mark = process_tree.mark_of(call.thread)
        tree = self._keeper.trees.get(mark) if mark is not None else None
        if tree is None or not call.waits:
            call.fail(EACCES)
        elif call.number == self._connect:
            if tree.limits is _ZYGOTE_LIMITS:
                call.fail(EACCES)
            else:
                self._broker.decide(call, tree.mark)
        elif self._keeper.may_fork(tree):
            call.proceed()
        else:
            call.fail(EAGAIN)


def _discard(home: Path) -> None:
    """Have a folder removed: it is gone at once, and what is in it some time later, by a process that is reaped."""
    gone = home.with_name(f"gone-{monotonic_ns()}")
    with suppress(FileNotFoundError):
        home.rename(gone)
        os.posix_spawnp("rm", ["rm", "-rf", "--", str(gone)], os.environ)


def _mappings(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()


def _has_hung_up(listener: int) -> bool:
    poll = select.poll()
    poll.register(listener, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _settle(spawner: int, home: Path, limits: Limits, mark: int) -> None:
    """Become a process of its own below the spawner, which ends with it."""
    boundaries.end_with_parent(boundaries.KILL)
    if os.getppid() != spawner:
        # It went before it was asked for.
        raise SystemExit(1)
    serving.settle(home)
    boundaries.be_first_to_go()
    boundaries.limit_resources(limits, mark)


def main(host: int, egress: str, allowed: tuple[str, ...], doors: tuple[int, ...], *, bounded: bool) -> NoReturn:
    """Serve the host over the socket `host`."""
    serving.warm()
    boundaries.adopt_orphans()
    # Else what this process starts would hold it open, and the host wouldn't see its end.
    os.set_inheritable(host, False)
    channel = Channel(socket.socket(fileno=host))
    try:
        boundary = Boundary.prepare() if bounded else None
    except BoundaryNotHeld as error:
        channel.send(messages.Unfit(str(error)))
        raise SystemExit(1) from None
    spawner = Spawner(channel, boundary, Destinations.of(Egress(egress), allowed, doors))
    channel.send(messages.Ready())
    gc.collect()
    gc.freeze()
    spawner.run()
    raise SystemExit(0)
