"""A server as a process of its own, around an application that does what its path says."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from functions.runtime import problems
from functions.runtime.http.protocol import Limits
from functions.runtime.http.server import serve

TIMEOUT = 20
"""Seconds."""

LARGE = 16 * 1024 * 1024
"""Bytes of an answer that no kernel keeps for a client that reads nothing."""


def application(released: Path) -> Callable[..., Iterable[bytes]]:
    """Return an application: `/large` answers at length, `/hold` when the file `released` exists.

    The others say what they were asked.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/hold":
            (released.parent / "held").touch()
            wait_until(released.exists)
        if path == "/large":
            start_response("200 OK", [("Content-Length", str(LARGE))])
            return [b"x" * LARGE]
        body = {"/port": environ["SERVER_PORT"].encode()}.get(path) or environ["wsgi.input"].read() or b"done"
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return answer


class Server:
    """The process and the ports it listens on."""

    def __init__(self, folder: Path, ports: list[int], grace: float = Limits.grace) -> None:
        self.released = folder / "released"
        self.held = folder / "held"
        self.ports = ports
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.released), str(grace), *map(str, ports)]
        )

    def ask(self, method: str, path: str, body: Iterator[bytes] | None = None, *, port: int = 0) -> bytes:
        """Return the answer's body; a body is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=TIMEOUT)
        headers = {} if body is None else {"Transfer-Encoding": "chunked"}
        connection.request(method, path, body, headers=headers, encode_chunked=True)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    @contextmanager
    def holding(self) -> Iterator[list[bytes]]:
        """Keep the only thread busy with a request inside the block; its answer is in the list afterwards."""
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.append(self.ask("GET", "/hold")))
        asking.start()
        wait_until(self.held.exists)
        try:
            yield answers
        finally:
            self.released.touch()
            asking.join(TIMEOUT)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wakes(self) -> int:
        """Return how often its threads have waited for something so far."""
        statuses = Path(f"/proc/{self.process.pid}/task").glob("*/status")
        return sum(int(re.findall(r"(?m)^voluntary_ctxt_switches:\s+(\d+)", each.read_text())[0]) for each in statuses)

    def accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[0])) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


if __name__ == "__main__":
    os.environ.pop("PORT", None)
    addresses = [f"127.0.0.1:{port}" for port in sys.argv[3:]]
    limits = Limits(grace=float(sys.argv[2]))
    serve(lambda: application(Path(sys.argv[1])), addresses, threads=1, problem=problems.of_request, limits=limits)
