"""A webhook that tests are notified at."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from tools.documents import Document


@dataclass(frozen=True)
class Told:
    """A notification."""

    headers: Mapping[str, str]
    """By lower-case name."""
    body: Document

    @property
    def state(self) -> str:
        """The state of the task that it tells."""
        return str(self.body["statusUpdate"]["status"]["state"])


class Webhook:
    """Answers one notification after another with a status each, and then with 200."""

    def __init__(self, statuses: Sequence[int] = (), location: str | None = None) -> None:
        """Listen on a free port of this machine; answers have this Location."""
        self.told: list[Told] = []
        self.answering = threading.Event()
        """Cleared, it keeps everybody waiting."""
        self.answering.set()
        left = list(statuses)
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.told.append(Told({name.lower(): value for name, value in self.headers.items()}, body))
                webhook.answering.wait(30)
                self.send_response(left.pop(0) if left else 200)
                if location is not None:
                    self.send_header("Location", location)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/notified?by=us"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def states(self) -> list[str]:
        """The states that it was told, without their prefix."""
        return [each.state.removeprefix("TASK_STATE_") for each in self.told]

    def close(self) -> None:
        """Listen no more."""
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
