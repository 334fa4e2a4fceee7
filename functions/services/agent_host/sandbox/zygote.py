"""What a version zygote does behind its boundary: it has loaded a version, and forks children that needn't load it.

Loading runs the author's code, so nothing that it says is believed that could harm anybody but the version's own
instances. It has no network and no secret. A version that looks for its config while it is loaded can't be forked from:
then, or when it fails to load, each child loads it for itself, and errors are told as that child's.
"""

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Final
from wsgiref.types import WSGIApplication

from . import boundary as boundaries
from . import forking, messages, serving
from .boundary import Boundary
from .limits import Limits
from .messages import Channel, Fork, Here, Ready, Received, Unfit

_CONFIG: Final = "AGENT_CONFIG"

SAID_BYTES: Final = 32 * 1024
"""What each child repeats of what was written to either while the version was loaded: less than a pipe holds."""

_PARENT_SECONDS: Final = 0.0002
"""Between two looks at whether a child has its lasting parent."""


class _ConfigWanted(BaseException):
    """The version looks for its config while it is loaded. No Exception: it shall not go on with a default."""


@dataclass(frozen=True)
class Zygote:
    """The process, from the inside."""

    control: Channel
    code: Path
    packages: Path | None
    boundary: Boundary
    spawner: int
    """The id of the process that keeps children."""

    @property
    def readable(self) -> tuple[Path, ...]:
        """Return what it and its children may read of the version."""
        return (self.code, *([self.packages] if self.packages else []))

    def run(self) -> None:
        """Load the version and fork a child of it for each order, until the channel is closed."""
        try:
            with _captured() as said:
                application = _without_config(lambda: serving.load(self.code, self.packages))
        except (_ConfigWanted, Exception) as error:  # noqa: BLE001 - whatever the author's code raises
            self.control.send(Unfit(repr(error)[:1000]))
            return
        if threading.active_count() > 1:
            self.control.send(Unfit("it has started threads"))
            return
        gc.collect()
        gc.freeze()
        self.control.send(Ready())
        while (received := self.control.receive()) is not None:
            if isinstance(received.content, Fork):
                self._fork(received, partial(self._be_child, received.content, application, said))

    def _fork(self, received: Received, be_child: Callable[[], None]) -> None:
        """Fork a child, whose parent is to be the spawner: so by a process in between, which ends at once."""
        between = os.fork()
        if not between:
            door, stdout, stderr = received.files
            try:
                forking.fork((stdout, stderr, door, self.control.fileno()), be_child)
            finally:
                os._exit(0)
        messages.close(received.files)
        os.waitpid(between, 0)
        self.control.send(Ready())

    def _be_child(self, order: Fork, application: WSGIApplication, said: Mapping[int, bytes]) -> None:
        control = Channel(socket.socket(fileno=forking.CONTROL))
        door = socket.socket(fileno=forking.DOOR)
        while os.getppid() != self.spawner:
            sleep(_PARENT_SECONDS)
        boundaries.end_with_parent(boundaries.KILL)
        home = Path(order.home)
        serving.settle(home)
        boundaries.limit_resources(Limits(**order.limits), order.mark)
        self.boundary.enter_second(home, self.readable)
        control.send(Here(order.mark))
        control.close()

        def begin() -> None:
            serving.take_context(door)
            for file, text in said.items():
                # It fits the pipe, so that whoever doesn't read holds nobody up.
                os.write(file, text)

        serving.serve(application, door, begin)


@contextmanager
def _captured() -> Iterator[dict[int, bytes]]:
    """Yield a dictionary that has, after the block, the beginning of what was written to stdout and stderr in it."""
    said: dict[int, bytes] = {}
    files = {standard: Path.cwd() / f"said-{standard}" for standard in forking.STANDARD}
    nothing = os.dup(forking.STANDARD[0])
    for standard, file in files.items():
        written = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(written, standard)
        os.close(written)
    try:
        yield said
    finally:
        for standard, file in files.items():
            said[standard] = os.pread(standard, SAID_BYTES, 0)
            os.dup2(nothing, standard)
            file.unlink(missing_ok=True)
        os.close(nothing)


def _without_config(load: Callable[[], WSGIApplication]) -> WSGIApplication:
    """Call `load`, and raise _ConfigWanted if it looks for the config, even if it goes on."""
    plain = type(os.environ)
    wanted: list[str] = []

    def check(name: object) -> None:
        if name == _CONFIG:
            wanted.append(_CONFIG)
            raise _ConfigWanted

    def get(environment: "os._Environ[str]", name: str) -> str:
        check(name)
        return plain.__getitem__(environment, name)

    def contains(environment: "os._Environ[str]", name: object) -> bool:
        check(name)
        return plain.__contains__(environment, name)

    del os.environ[_CONFIG]
    os.environ.__class__ = type("Watched", (plain,), {"__getitem__": get, "__contains__": contains})
    try:
        application = load()
    finally:
        os.environ.__class__ = plain
    if wanted:
        raise _ConfigWanted
    return application
