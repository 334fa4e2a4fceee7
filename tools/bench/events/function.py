"""`python -m tools.bench.events.function PORT`: the no-op subscriber in the product's host, which counts its calls.

`GET /calls` answers `{"count", "first", "last"}`, the times by the clock that all processes share.
"""

import json
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from core import logs
from functions.runtime import problems
from functions.runtime.hosting import SUBSCRIBERS, Host
from functions.runtime.http.server import serve

FILE = Path(__file__).parent / "subscribers" / "receive_nothing.py"


class Counted:
    """A WSGI application around the host."""

    def __init__(self, host: Host) -> None:
        """Count the calls of `host`."""
        self.host = host
        self.lock = threading.Lock()
        self.count = 0
        self.first = self.last = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] == "/calls":
            return self._told(start_response)
        answer = self.host(environ, start_response)
        if environ["REQUEST_METHOD"] != "POST":
            # The dispatcher asks before the first event whether the function is there.
            return answer
        with self.lock:
            self.count += 1
            self.last = time.monotonic()
            self.first = self.first or self.last
        return answer

    def _told(self, start_response: StartResponse) -> Iterable[bytes]:
        with self.lock:
            told = json.dumps({"count": self.count, "first": self.first, "last": self.last}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(told)))])
        return [told]


if __name__ == "__main__":
    logs.configure("bench", level="WARNING")
    host = Counted(Host([FILE], {sys.argv[1]: SUBSCRIBERS}))
    serve(lambda: host, [f"127.0.0.1:{sys.argv[1]}"], threads=16, problem=problems.of_request)
