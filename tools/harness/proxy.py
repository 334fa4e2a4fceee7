"""A proxy of the test's own between a process and a service: late, or silent as a network that swallows everything."""

import queue
import socket
import threading
import time
from contextlib import suppress


class Proxy:
    """Forwards the connections that it takes to a port of the loopback interface, late or not at all."""

    def __init__(self, port: int, host: str = "127.0.0.1", listen: int = 0) -> None:
        """Forward to `port`; listen on `host`, on any free port unless `listen` says which."""
        self.port = port
        self.delay = 0.0
        """Seconds that every byte takes in either direction."""
        self.silent = False
        """Whether nothing gets through, though nobody is told."""
        self.listener = socket.create_server((host, listen))
        self.address = f"{host}:{self.listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.port))
                except OSError:
                    near.close()
                    continue
                self._sockets += (near, far)
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        arrived: queue.Queue[tuple[float, bytes]] = queue.Queue(1000)
        threading.Thread(target=self._deliver, args=(arrived, target), daemon=True).start()
        with suppress(OSError):
            while data := source.recv(65_536):
                arrived.put((time.monotonic() + self.delay, data))
        # The end takes its time as well.
        arrived.put((time.monotonic() + self.delay, b""))

    def _deliver(self, arrived: "queue.Queue[tuple[float, bytes]]", target: socket.socket) -> None:
        with suppress(OSError):
            while True:
                due, data = arrived.get()
                time.sleep(max(0.0, due - time.monotonic()))
                while self.silent:
                    time.sleep(0.02)
                if not data:
                    break
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections, and take no more."""
        self.silent = False
        for each in (self.listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
