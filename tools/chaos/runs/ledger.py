"""The ledger: what the agent notes of its calls, in a process that nobody kills."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from provisioning.local_settings import LOOPBACK

ENDS: Final = frozenset({"finished", "asked", "raised"})
"""How a call may end by itself."""


@dataclass
class Call:
    """One call of the agent."""

    key: str
    """Of the run: what the message says."""
    attempt: int
    part: int
    nonce: str
    """Nobody else's."""
    text: str
    """What it was going to say."""
    end: str | None = None
    """How it ended; None if it was cut off."""


@dataclass
class Ledger:
    """All calls, in the order in which they began."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, key: str) -> list[Call]:
        """Return the calls for a run."""
        with self._lock:
            return [each for each in self.calls if each.key == key]

    def note(self, line: bytes) -> None:
        """Keep what an agent says."""
        told = json.loads(line)
        how = str(told.pop("how"))
        with self._lock:
            if how == "begun":
                self.calls.append(Call(**told))
            else:
                call = next(each for each in self.calls if each.nonce == told["nonce"])
                call.end = how


@contextmanager
def kept() -> Iterator[Ledger]:
    """Yield a ledger that agents can reach inside of the block."""
    ledger = Ledger()

    class Noting(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                ledger.note(line)
                self.wfile.write(b"kept\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Say nothing: agents are cut off all the time."""

    with Server((LOOPBACK, 0), Noting) as server:
        ledger.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ledger
        server.shutdown()
