"""Children: agents that run, each behind a boundary of its own. What the host uses of this package."""

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

from . import messages, probes, process_tree
from .child import Child, ooms
from .code import Code
from .exits import BoundaryNotHeld, CannotWake, Exit, ExitCause
from .limits import Egress, Limits
from .log_lines import Lines, LogLine
from .messages import Channel, End, Ended, Ready, Unfit, Wake
from .pump import Pump
from .spares import Spares
from .usage import UsageWatch, Used

log = logging.getLogger(__name__)

ROOT: Final = Path(__file__).resolve().parents[4]

_NOBODY: Final = ""
"""The key of a child that is nobody's, or nobody's yet: nobody hears of it."""

_CONNECT_SECONDS: Final = 1
"""How long a child may take to have room for one more connection."""

_LENGTH_BYTES: Final = 4

_MARKS: Final = 1 << 40
"""How many children one process may wake in its life."""

_START: Final = """
import sys
sys.path.insert(0, {root!r})
from functions.services.agent_host.sandbox.spawner import main
sys.path.remove({root!r})
main({host}, {egress!r}, {allowed!r}, {doors!r}, bounded={bounded})
"""


@dataclass(frozen=True)
class Rules:
    """What holds for all children alike."""

    egress: Egress = Egress.PUBLIC
    allowed: tuple[str, ...] = ()
    """Networks that children may connect to besides, such as `10.1.2.0/24`."""
    doors: tuple[int, ...] = ()
    """Ports of 127.0.0.1 at which this process itself answers children: they may connect there whatever the egress."""
    room: int = 128
    """Children beyond which none is forked ahead."""
    bounded: bool = True
    """Without it nothing keeps children from what this process may do."""


class Children:
    """All children of one process. Every method may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        *,
        rules: Rules,
        on_log: Callable[[LogLine], None],
        on_exit: Callable[[str, Exit], None],
    ) -> None:
        """`folder` is where children have their folders: it is this object's alone, and created when it is missing.

        `on_log` and `on_exit` are called in a thread that they must not hold up.
        """
        self._folder = folder
        self._rules = rules
        self._on_log = on_log
        self._on_exit = on_exit
        self._lock = Lock()
        self._awake: dict[int, Child] = {}
        self._zygotes: dict[str, Used] = {}
        """By the versions' digests."""
        self._host: Channel | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pump = Pump()
        self._usage = UsageWatch(self._used, lambda: self.spawner)
        self._highest = _MARKS + secrets.randbelow(1 << 60)
        self._numbers = count(1)
        self._spares = Spares(
            lambda code, limits: self._begin(_NOBODY, code, limits), lambda: len(self._awake) < rules.room
        )
        self._removing = ThreadPoolExecutor(1, "folders of children")
        self._started = False

    def start(self) -> None:
        """Begin. Raises BoundaryNotHeld where a child could do what it must not be able to."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.iterdir():
            # Of a process before this one.
            _remove(left)
        with self._lock:
            self._spawn()
        self._pump.start()
        self._usage.start()
        self._spares.start()
        self._started = True
        if not self._rules.bounded:
            log.warning("agents run without a boundary, and can do whatever this process can")
            return
        try:
            self._probe()
        except BoundaryNotHeld:
            self.close()
            raise

    def _probe(self) -> None:
        """Have a child try what must be refused."""
        code = Code("probes", probes.AGENT)
        try:
            child = self.wake(_NOBODY, code, b"{}", Limits(), seconds=probes.SECONDS)
        except CannotWake as error:
            raise BoundaryNotHeld(f"the child that was to try the boundary didn't start: {error.exit}") from None
        try:
            probes.check(child.connect, self._rules.egress)
        finally:
            child.end(0)

    @property
    def spawner(self) -> int | None:
        """Return the id of the process that children are forked from."""
        return self._process.pid if self._process else None

    def _used(self) -> list[Used]:
        with self._lock:
            awake = [each for each in self._awake.values() if each.cause is None]
            zygotes = list(self._zygotes.values())
        return [
            Used(each.mark, each.home, each.limits, partial(each.begin_end, 0), rests=each.key == _NOBODY)
            for each in awake
        ] + zygotes

    def _spawn(self) -> Channel:
        """Start the process that children are forked from."""
        ours, theirs = Channel.pair()
        start = _START.format(
            root=str(ROOT),
            host=theirs.fileno(),
            egress=str(self._rules.egress),
            allowed=self._rules.allowed,
            doors=self._rules.doors,
            bounded=self._rules.bounded,
        )
        self._process = subprocess.Popen(  # noqa: S603 - Python, with a text of ours
            [sys.executable, "-I", "-u", "-X", "utf8", "-c", start],
            stdin=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "2"},
            cwd="/",
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        first = ours.receive()
        if first is None or not isinstance(first.content, Ready):
            ours.close()
            self._process.wait()
            raise BoundaryNotHeld(first.content.reason if first and isinstance(first.content, Unfit) else "it ended")
        self._host = ours
        self._pump.call(lambda: self._pump.watch(ours.socket, partial(self._hear, ours)))
        return ours

    def wake(self, key: str, code: Code, context: bytes, limits: Limits, *, seconds: float) -> Child:
        """Start a child and return it once it serves.

        Raises CannotWake when it ends before, or takes longer than `seconds`. `context` is a JSON object; the child
        finds its member `config` in the file that AGENT_CONFIG names.
        """
        until = monotonic() + seconds
        told = len(context).to_bytes(_LENGTH_BYTES, "big") + context
        child = self._spares.take(code, limits)
        if child is not None:
            self._give(child, key)
            exit_ = _told(child, told, until)
        # Whoever has killed it may have done so while it was nobody's.
        if child is None or (exit_ is not None and exit_.cause is ExitCause.SIGNAL):
            child = self._begin(key, code, limits)
            self._pump.call(partial(self._read, child))
            exit_ = _told(child, told, until)
        if exit_ is not None:
            raise CannotWake(exit_)
        if key != _NOBODY:
            self._spares.want(code, limits)
        return child

    def _give(self, spare: Child, key: str) -> None:
        """Let a spare be whose `key` it is."""
        with self._lock:
            spare.own(key)
        self._pump.call(partial(self._read, spare))

    def _begin(self, key: str, code: Code, limits: Limits) -> Child:
        """Have a child started. What it prints isn't read yet."""
        if len(self._awake) >= self._rules.room:
            self._spares.discard_oldest()
        zygote = self._zygote(code, limits)
        number = next(self._numbers)
        home = zygote.home.parent / str(number)
        home.mkdir(mode=0o700, parents=True)
        child = Child(key, self._highest - number, home, limits, self._order)
        outputs = [self._output(child, stream) for stream in ("stdout", "stderr")]
        packages = str(code.packages) if code.packages else None
        order = Wake(child.mark, zygote.mark, str(home), code.digest, str(code.folder), packages, asdict(limits))
        inner = [child.inner_door.fileno(), *outputs]
        try:
            with self._lock:
                self._awake[child.mark] = child
                host = self._host or self._spawn()
                host.send(order, inner)
        finally:
            # Where the spawner has just gone, the rest of the child is settled with what else it has left.
            child.inner_door.close()
            messages.close(outputs)
        return child

    def _zygote(self, code: Code, limits: Limits) -> Used:
        """Return what a version's zygote is looked at as, whether there is one or not."""
        with self._lock:
            found = self._zygotes.get(code.digest)
            if found is None:
                mark = self._highest - next(self._numbers)
                home = self._folder / sha256(code.digest.encode()).hexdigest()[:16] / "zygote"
                found = Used(mark, home, limits, lambda _: self._order(End(mark, 0)), rests=True)
                self._zygotes[code.digest] = found
        return found

    def _output(self, child: Child, stream: str) -> int:
        """Make a pipe, and return the end that the child writes to."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        child.outputs[ours] = Lines(child.key, stream, child.limits.log_bytes_per_second, self._log)
        return theirs

    def _log(self, line: LogLine) -> None:
        if line.key != _NOBODY:
            self._on_log(line)

    def _read(self, child: Child) -> None:
        if child.exit is None:
            for pipe, lines in child.outputs.items():
                self._pump.read(pipe, lines)

    def catch_up(self, child: Child, done: Callable[[], None]) -> None:
        """Call `done` once everything is read that the child has written by now, or as much as its limits allow."""

        def catch_up() -> None:
            if child.exit is None:
                for pipe, lines in child.outputs.items():
                    self._pump.catch_up(pipe, lines)
            done()

        self._pump.call(catch_up)

    def _order(self, order: End) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._host is not None:
                self._host.send(order)

    def begin_end(self, key: str, grace: float) -> list[Child]:
        """Have what has this key end, also while `wake` waits for it, which raises CannotWake then; return it."""
        with self._lock:
            known = [child for child in self._awake.values() if child.key == key]
        for child in known:
            child.begin_end(grace, ExitCause.ENDED)
        return known

    def close(self) -> None:
        """End all children, and give up."""
        if self._started:
            self._spares.stop()
        with self._lock:
            host, process = self._host, self._process
            if host is not None:
                host.socket.shutdown(socket.SHUT_WR)
        if process is not None:
            process.wait()
        if self._started:
            self._started = False
            self._usage.stop()
            self._pump.stop()
        self._removing.shutdown()

    def _hear(self, host: Channel) -> None:
        """Take in what the spawner says, or that it is gone."""
        received = host.receive()
        if received is None:
            self._lose(host)
        elif isinstance(received.content, Ended):
            with self._lock:
                child = self._awake.pop(received.content.mark, None)
            if child is not None:
                self._settle(child, received.content)

    def _lose(self, host: Channel) -> None:
        """End what the spawner has left: it is gone, because it was told to, or killed."""
        self._pump.forget(host.socket)
        with self._lock:
            host.close()
            self._host, process = None, self._process
            left, self._awake = self._awake, {}
        if process is not None:
            process.wait()
        if left:
            log.error("the process that agents are forked from ended, and %s agents with it", len(left))
            marks = range(min(left), max(left) + 1)
            while pids := process_tree.everywhere(marks):
                process_tree.send(pids, signal.SIGKILL)
        for child in left.values():
            child.cause = child.cause or ExitCause.ENDED
            self._settle(child, Ended(child.mark, None, None, 0))

    def _discard(self, home: Path) -> None:
        """Remove a folder: it is gone at once, and what was in it some time later."""
        gone = self._folder / f"gone-{next(self._numbers)}"
        home.rename(gone)
        self._removing.submit(_remove, gone)

    def _settle(self, child: Child, ended: Ended) -> None:
        for pipe, lines in child.outputs.items():
            self._pump.finish(pipe, lines)
        errors = list(child.outputs.values())[1]
        exit_ = Exit(_cause(child, ended, errors), ended.code, ended.signal, tuple(errors.last))
        self._discard(child.home)
        child.settle(exit_)
        if child.key != _NOBODY:
            self._on_exit(child.key, exit_)


def _told(child: Child, told: bytes, until: float) -> Exit | None:
    """Tell a child its context, and return None once it serves; how it has ended, if it doesn't."""
    try:
        child.door.settimeout(max(0.001, until - monotonic()))
        child.door.sendall(told)
        child.door.settimeout(max(0.001, until - monotonic()))
        if child.wait_until_ready():
            child.door.settimeout(_CONNECT_SECONDS)
            return None
    except OSError:
        # It ends by itself, or it doesn't.
        pass
    if not child.ends_within(until - monotonic()):
        child.begin_end(0, ExitCause.TIMED_OUT)
    return child.wait()


def _cause(child: Child, ended: Ended, errors: Lines) -> ExitCause:
    """Return why a child has ended: what the platform did to it comes first."""
    if child.cause is not None:
        return child.cause
    if ended.signal is not None:
        # The kernel sends the second to who goes on after the first.
        ignored = ended.signal == signal.SIGKILL and ended.cpu_seconds > child.limits.cpu_seconds
        if ignored or ended.signal == signal.SIGXCPU:
            return ExitCause.CPU_EXCEEDED
        # It is the first to go when the memory of the machine or the container runs out.
        return ExitCause.OUT_OF_MEMORY if ended.signal == signal.SIGKILL and ooms() > child.ooms else ExitCause.SIGNAL
    if ended.code == 1 and errors.has_traceback:
        # Refused by the kernel: the limit on what a process may reserve.
        out = errors.last[-1].startswith("MemoryError")
        return ExitCause.OUT_OF_MEMORY if out else ExitCause.EXCEPTION
    return ExitCause.EXITED


def _remove(folder: Path) -> None:
    """Remove what a child has left, however deep or unreadable."""
    # By a program, because folders can be nested deeper than Python recurses.
    command = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:  # noqa: S603 - a path of ours
        log.warning("the folder %s of an agent that has ended can't be removed", folder)
