"""Requests over kept connections for some seconds: `load.py PORT PATH CONNECTIONS SECONDS` prints how many a second."""

import asyncio
import re
import sys
import time
from typing import Any

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


class Caller(asyncio.Protocol):
    """Asks again as soon as it has been answered."""

    def __init__(self, request: bytes) -> None:
        """`request` is sent over and over."""
        self.request = request
        self.received = b""
        self.answers = 0

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - a transport that writes
        """Ask for the first time."""
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole; stop at the first that isn't 200."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n")
        if not end or found is None or len(body) < int(found[1]):
            return
        if b" 200 " not in head[:16]:
            self.transport.close()
            return
        self.received = b""
        self.answers += 1
        self.transport.write(self.request)


async def main(port: int, path: str, connections: int, seconds: float) -> None:
    """Load a port of this machine."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(request), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    answers = sum(caller.answers for caller in callers)
    sys.stdout.write(f"{answers / (time.perf_counter() - started):.1f}\n")


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
