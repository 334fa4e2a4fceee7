"""What a child does behind its boundary: it loads the agent and serves it over connections that come through its door.

The door is a socket that it inherited. The host sends the context through it, then one connected socket for each
request or run of requests. Nothing listens anywhere.
"""

import asyncio
import io
import json
import os
import socket
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask
import functions_framework
from typing_extensions import override
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from functions.runtime.http.adapter import Adapter, Headers
from functions.runtime.http.protocol import Connection, Limits
from functions.runtime.http.server import Server

from . import log_levels, pieces
from .log_lines import TRACEBACK

THREADS: Final = 4
"""Requests that one child computes at a time."""

LENGTH: Final = struct.Struct("!I")
"""Of the context, ahead of it."""

READY: Final = b"ready\n"
"""What a child says through its door once it serves."""

_GROW_SECONDS: Final = 0.1

_LONG: Final = 3600
"""Seconds. How long the host may take is its own affair."""

_OURS: Final = ("functions", "core", "events", "shared_psql_models")
"""Names of packages that an author may have for their own."""


def load(code: Path, packages: Path | None) -> WSGIApplication:
    """Import the author's code and return its function `agent` as an application that answers health around it."""
    for name in [each for each in sys.modules if each.partition(".")[0] in _OURS]:
        # What is loaded goes on working; it is found by its name no more.
        del sys.modules[name]
    log_levels.tell()
    sys.path[:0] = [str(code), *([str(packages)] if packages else [])]
    sys.argv = ["agent"]
    create: Callable[..., flask.Flask] = functions_framework.create_app
    agent = create(target="agent", source=str(code / "main.py"), signature_type="http")
    pieces.stream(agent)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in {"/_/health", "/_/ready"}:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            return [b"ok"]
        return agent(environ, start_response)

    return answer


def load_or_tell(code: Path, packages: Path | None) -> WSGIApplication:
    """Return what `load` returns; what the author's code raises is written to stderr, and ends this process."""
    try:
        return load(code, packages)
    except Exception as error:  # noqa: BLE001 - whatever the author's code raises
        sys.stderr.write(told(error, code, packages))
        raise SystemExit(1) from None


def told(error: BaseException, code: Path, packages: Path | None) -> str:
    """Return a traceback from where the author's code comes into it, with the names of files as the author has them."""
    folders = tuple(f"{folder}/" for folder in (code, packages) if folder)
    place = error.__traceback__
    while place is not None and not place.tb_frame.f_code.co_filename.startswith(folders):
        place = place.tb_next
    text = "".join(traceback.format_exception(error.with_traceback(place)))
    for folder in folders:
        text = text.replace(folder, "")
    # Without a frame, as of an error in the syntax, there is no such line.
    return text if text.startswith(TRACEBACK) else f"{TRACEBACK}\n{text}"


def environment(home: Path) -> dict[str, str]:
    """Return the environment variables of a process whose folder is `home`."""
    return {
        "AGENT_CONFIG": str(home / "config.json"),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "USER": "agent",
        "LOGNAME": "agent",
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Names are asked for by TCP, whose connects can be decided about. UDP is closed.
        "RES_OPTIONS": "use-vc",
        # Each would reserve 64 MiB of address space, and there would be one for each thread.
        "MALLOC_ARENA_MAX": "2",
    }


def settle(home: Path) -> None:
    """Make a folder this process' own: its working directory, its home, its temporary files."""
    os.environ.clear()
    os.environ.update(environment(home))
    (home / "tmp").mkdir(mode=0o700, exist_ok=True)
    os.chdir(home)
    tempfile.tempdir = None


def take_context(door: socket.socket) -> None:
    """Wait for the context and put the config in its place. Raises EOFError when the host has gone."""
    (length,) = LENGTH.unpack(_exactly(door, LENGTH.size))
    context = json.loads(_exactly(door, length))
    file = os.open(os.environ["AGENT_CONFIG"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as config:
        json.dump(context.get("config", {}), config)


def _exactly(door: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = door.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def serve(application: WSGIApplication, door: socket.socket, begin: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM, or until the host has gone.

    `begin` is called once something has come through the door, before any of it is read: it takes the context.
    """
    # A generator may have things that belong to one thread, such as a database's connection.
    DoorServer(Adapter(application, 1, _problem, keeps_thread=True), door, THREADS - 1, begin).run([])


def _problem(code: str, _detail: str | None) -> tuple[int, Headers, bytes]:
    """Return what is answered where the agent has failed, or was not asked: to the host, which asks nobody else."""
    return 500 if code == "internal" else 400, [(b"content-length", b"%d" % len(code))], code.encode()


class DoorServer(Server):
    """The server, with connections that come through the door."""

    def __init__(
        self, adapter: Adapter, door: socket.socket, threads: int, begin: Callable[[], None] | None = None
    ) -> None:
        """`door` is open. So many threads are added once it serves.

        `begin` takes the context from it, once that comes; without it that was done before.
        """
        super().__init__(adapter, _problem, Limits(idle=_LONG, response=_LONG), connection=_Abandonable)
        self._adapter = adapter
        self._door = door
        self._threads = threads
        self._begin = begin
        self._opening: set[asyncio.Task[None]] = set()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, and say so; or wait for the context before."""
        await super().startup(sockets)
        self._door.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._door, self._open)
        # Starting one costs a decision of the spawner's, and the first request shall not wait for all.
        loop.call_later(_GROW_SECONDS, self._adapter.grow, self._threads)
        if self._begin is None:
            self._say_ready()

    def _say_ready(self) -> None:
        with suppress(OSError):
            self._door.send(READY)

    def _open(self) -> None:
        """Take one connection, or what comes before the first."""
        if self._begin is not None:
            self._take_context(self._begin)
            return
        try:
            data, files, _, _ = socket.recv_fds(self._door, 1, 1)
        except BlockingIOError:
            return
        except OSError:
            data, files = b"", []
        loop = asyncio.get_running_loop()
        if not data:
            self._leave()
        for each in files:
            # A program that the agent starts must not hold it open. `recv_fds` doesn't pass on the flag that says so.
            os.set_inheritable(each, False)
            task = loop.create_task(self._connect(socket.socket(fileno=each)))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _take_context(self, take: Callable[[], None]) -> None:
        """Wait for all of it: it comes in one go, from the host."""
        self._begin = None
        self._door.setblocking(True)
        try:
            take()
        except EOFError:
            # Nobody will ask for anything.
            self._leave()
        except Exception:  # noqa: BLE001 - whatever it is, nobody may be served without their config
            traceback.print_exc()
            raise SystemExit(1) from None
        else:
            self._door.setblocking(False)
            self._say_ready()

    def _leave(self) -> None:
        """Stop: the host has gone."""
        asyncio.get_running_loop().remove_reader(self._door)
        self.stop()

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(self.protocol, connection)


class _Abandonable(Connection):
    """A connection whose client says that it leaves by closing its side, and sees by the other when all has ended."""

    _left = False

    @override
    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's own says nothing, which closes
        """Have the request that is being answered take in that nobody waits for it; close where there is none."""
        running = self._running
        if running is None:
            return False
        self._left = running.disconnected = True
        running.message_event.set()
        self.flow.resume_writing()
        return True

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if self._left:
                    self.transport.close()

        super()._start_asgi_task(cycle, answer)


def warm() -> None:
    """Answer requests with an application of nobody's, so that no process that is forked from here does it first."""
    app = flask.Flask("warm")

    @app.post("/")
    def nothing() -> dict[str, str]:
        return dict(flask.request.get_json())

    environ: WSGIEnvironment = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "agent",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2",
        "wsgi.input": io.BytesIO(b"{}"),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }
    for _ in app(environ, lambda *_: lambda _: None):
        pass
    _serve_once(app)


def _serve_once(app: flask.Flask) -> None:
    """Serve one request that needs no thread: this process must have no second one."""
    door, host = socket.socketpair()
    client, connection = socket.socketpair()
    with host, client, connection:
        client.sendall(b"GET /_/health HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
        socket.send_fds(host, [b"c"], [connection.fileno()])
        host.shutdown(socket.SHUT_WR)
        DoorServer(Adapter(app, 0, _problem), door, 0).run([])
    door.close()
