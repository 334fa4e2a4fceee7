"""A real nginx on the project's configuration, in front of a server that answers with what reached it."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from core import http_client
from provisioning.local_settings import ROOT
from tools.local.ports import accepts, free_ports
from tools.local.servers import binaries
from tools.local.wait import until

START = ROOT / "deploy" / "nginx" / "start.sh"


OWN = {"WORKERS": "1", "TRUSTED_PROXIES": "unix:"}
"""Settings that a test needn't care about."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Edge:
    def __init__(self, port: int) -> None:
        self.port = port
        self.arrived = threading.Event()
        self.release = threading.Event()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        url = f"http://127.0.0.1:{self.port}{path}"
        found = http_client.request(method, url, seconds=60, body=body, headers=headers)
        return Answer(found.status, dict(found.headers), found.body.decode())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def get_packed(self, path: str, **headers: str) -> Mapping[str, str]:
        """Return the headers of the answer to a GET that takes gzip; several of one name are joined."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"Accept-Encoding": "gzip"}
        found = http_client.request("GET", f"http://127.0.0.1:{self.port}{path}", seconds=60, headers=sent)
        return dict(found.headers)

    def post(self, path: str, body: bytes = b"{}") -> Answer:
        return self.ask("POST", path, {"Content-Type": "application/json"}, body)

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def first_line(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            return connection.makefile("rb").readline()

    def reached(self, method: str, target: str) -> str | None:
        """Return the path that arrives behind the edge for a request target that is sent as it stands, if any."""
        request = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        head, _, body = self.raw(request.encode()).partition(b"\r\n\r\n")
        return str(json.loads(body)["path"]) if head.startswith(b"HTTP/1.1 200 ") else None


class Echo(BaseHTTPRequestHandler):
    """Answers every request with its own method, path, headers and size."""

    protocol_version = "HTTP/1.1"

    def _echo(self) -> None:
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "upgrade")
            self.end_headers()
            return
        if self.headers.get("Accept") == "wait":
            self.server.edge.arrived.set()  # type: ignore[attr-defined]  # set in running()
            self.server.edge.release.wait(60)  # type: ignore[attr-defined]
        size = len(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        seen = {"method": self.command, "path": self.path, "headers": dict(self.headers), "size": size}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_PUT = _echo

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def need_nginx() -> None:
    """Skip the test where nginx is missing."""
    if binaries.installed("nginx") is None:
        pytest.skip("nginx is not installed")


def start(
    folder: Path, *arguments: str, output: int | IO[str] = subprocess.PIPE, **settings: str
) -> "subprocess.Popen[str]":
    """Run start.sh on `folder` with settings without their prefix: `PLATFORM="knative"`."""
    environment = {f"EDGE_{name}": value for name, value in settings.items()}
    return subprocess.Popen(
        [str(START), str(folder), *arguments],
        env={**os.environ, **environment, "PATH": binaries.path_to("nginx")},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(folder: Path, answering: type[BaseHTTPRequestHandler] = Echo, /, **settings: str) -> Iterator[Edge]:
    """Start a server and an edge in front of it, and stop both, the edge as a container's runtime would: by SIGQUIT."""
    need_nginx()
    echo = ThreadingHTTPServer(("127.0.0.1", 0), answering)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    [port] = free_ports(1)
    behind = f"127.0.0.1:{echo.server_port}"
    places = dict.fromkeys(("FUNCTIONS", "GATEWAY", "USER_DOCS", "ADMIN_DOCS", "BROKER_DOCS"), behind)
    echo.edge = Edge(port)  # type: ignore[attr-defined]  # for the handler
    with (folder / "output.log").open("w") as output:
        process = start(folder, output=output, **{**OWN, "LISTEN": f"127.0.0.1:{port}", **places, **settings})
        try:
            _await(process, port, folder / "output.log")
            yield echo.edge  # type: ignore[attr-defined]
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=60)
            echo.shutdown()
            echo.server_close()


def _await(process: "subprocess.Popen[str]", port: int, log: Path) -> None:
    until(lambda: process.poll() is not None or accepts(port), seconds=60, pause=0.02)
    if process.poll() is not None or not accepts(port):
        process.kill()
        message = f"the edge doesn't listen: {log.read_text()}"
        raise AssertionError(message)


def wait_until_refused(port: int) -> None:
    """Wait until nobody listens on a port any more."""
    assert until(lambda: not accepts(port), seconds=60, pause=0.02), f"somebody still listens on {port}"
