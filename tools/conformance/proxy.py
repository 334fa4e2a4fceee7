"""A proxy that adds an access token to whatever passes: for kits that can't be told one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from typing_extensions import override

from provisioning.local_settings import LOOPBACK

SECONDS: Final = 120

_OF_A_HOP: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})


@contextmanager
def adding_token(address: str, token: Callable[[], str]) -> Iterator[str]:
    """Pass requests on to an address, Host and Origin unchanged; yield where it listens."""
    target = urlsplit(address).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_A_HOP}
            headers["Authorization"] = f"Bearer {token()}"
            body = self.rfile.read(length) if length else None
            connection = HTTPConnection(target, timeout=SECONDS)
            try:
                # Whoever takes this for their proxy has the address before the path, and A2A's kit a slash after it.
                path = self.path.removeprefix(address).rstrip("/")
                connection.request(self.command, path, body=body, headers=headers)
                response = connection.getresponse()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _OF_A_HOP:
                        self.send_header(name, value)
                # What comes piece by piece goes on so, and ends with the connection.
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                while part := response.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()
            except (OSError, HTTPException):
                # Either side has gone, which the other sees by its own connection.
                self.close_connection = True
            finally:
                connection.close()

    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
