"""A server whose answers are written down beforehand, byte by byte."""

import socket
import threading
import time
from contextlib import suppress


class Server:
    """Answers each request of each connection with the next of its answers; closes when there is no other."""

    def __init__(self, connections: list[list[bytes]], pause: float | None = None) -> None:
        """Listen on a free port; with a pause, in seconds, each byte of an answer comes that much after the last."""
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(connections, pause), daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self.listener.close()

    def _serve(self, connections: list[list[bytes]], pause: float | None) -> None:
        with suppress(OSError):
            for answers in connections:
                connection, _ = self.listener.accept()
                with connection:
                    for answer in answers:
                        self.requests.append(connection.recv(65536))
                        for part in [answer] if pause is None else map(bytes, zip(answer, strict=True)):
                            connection.sendall(part)
                            time.sleep(pause or 0)
