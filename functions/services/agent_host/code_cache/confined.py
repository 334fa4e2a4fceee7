"""Runs the installer behind a boundary: `python -m …confined OWN READABLE PLACES COMMAND…`.

It reads what anybody may have written, so it is kept from everything that it doesn't need: it sees `OWN`, which it
fills, `READABLE` and Python, and each connect of its leads to a proxy, which reaches the URLs in `PLACES` alone.
"""

import asyncio
import os
import socket
import sys
import traceback
from errno import EAGAIN, EBADF
from pathlib import Path
from typing import Final, NoReturn

from functions.services.agent_host.code_cache.index_proxy import IndexProxy, Place
from functions.services.agent_host.sandbox import boundary as boundaries
from functions.services.agent_host.sandbox import notifications, seccomp
from functions.services.agent_host.sandbox.boundary import Boundary
from functions.services.agent_host.sandbox.limits import Limits
from functions.services.agent_host.sandbox.messages import Bounded, Channel
from functions.services.agent_host.sandbox.notifications import Call

PROXY: Final = "socks5h://127.0.0.1:1"
"""What the installer is told to be its proxy. Whatever it connects to, there the proxy is."""

LIMITS: Final = Limits(
    memory_bytes=512 * 1024 * 1024, cpu_seconds=300, processes=512, open_files=1024, file_bytes=256 * 1024 * 1024
)

TROUBLE: Final = 2
"""The exit status when the installer wasn't run."""

_NO_MARK: Final = 0
"""It is no agent's."""


class Confinement:
    """Decides about the calls of one process that are its parent's to decide."""

    def __init__(self, listener: int, proxy: IndexProxy) -> None:
        """Take the calls that `listener` tells of, and lead connects to `proxy`."""
        self._listener = listener
        self._proxy = proxy
        self._connect = seccomp.number("connect")
        self._forks_left = LIMITS.processes
        self._serving: set[asyncio.Task[None]] = set()

    def decide(self) -> None:
        """Decide about one call."""
        call = notifications.receive(self._listener)
        if call is None:
            return
        if call.number == self._connect:
            self._lead_to_proxy(call)
        elif self._forks_left:
            self._forks_left -= 1
            call.proceed()
        else:
            call.fail(EAGAIN)

    def _lead_to_proxy(self, call: Call) -> None:
        """Put a connection to the proxy in the place of the caller's socket, whatever address it has given."""
        descriptor = call.arguments[0] & 0xFFFFFFFF
        flags = call.flags_of(descriptor)
        if flags is None:
            call.fail(EBADF)
            return
        ours, theirs = connected()
        with theirs:
            theirs.setblocking(not flags & os.O_NONBLOCK)
            if not call.replace(descriptor, theirs.fileno(), flags & os.O_CLOEXEC):
                ours.close()
                return
        call.succeed()
        task = asyncio.get_running_loop().create_task(self._proxy.serve(ours))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)


def connected() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection: clients set options that a pair of UNIX sockets doesn't have."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            theirs = socket.create_connection(server.getsockname())
            ours, peer = server.accept()
        if peer == theirs.getsockname():
            return ours, theirs
        # Somebody else was faster.
        ours.close()
        theirs.close()


def start(command: list[str], own: Path, readable: Path) -> tuple[int, int]:
    """Start a program behind the boundary; return its process id and the file that tells of its calls."""
    boundary = Boundary.prepare(changes_modes=True)
    ours, theirs = Channel.pair()
    pid = os.fork()
    if not pid:
        _become(command, boundary, own, readable, theirs)
    theirs.close()
    received = ours.receive()
    if received is None:
        raise SystemExit(TROUBLE)
    return pid, received.files[0]


def _become(command: list[str], boundary: Boundary, own: Path, readable: Path, control: Channel) -> NoReturn:
    try:
        boundaries.end_with_parent(boundaries.KILL)
        boundaries.limit_resources(LIMITS, _NO_MARK)
        control.send(Bounded(), [boundary.enter(own, (readable, Path(command[0])))])
        os.execv(command[0], command)  # noqa: S606 - uv, with paths of ours
    except BaseException:  # noqa: BLE001 - this process must not go on with what its parent was about to do
        traceback.print_exc()
    os._exit(TROUBLE)


async def run(pid: int, listener: int, proxy: IndexProxy) -> int:
    """Return the exit status of the program, as a shell has it."""
    asyncio.get_running_loop().add_reader(listener, Confinement(listener, proxy).decide)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    own, readable, urls, *command = sys.argv[1:]
    process = start(command, Path(own), Path(readable))
    sys.exit(asyncio.run(run(*process, IndexProxy([Place.of(url) for url in urls.split()]))))
