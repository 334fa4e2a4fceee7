"""Children connect where egress allows it, by sockets of the platform's."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest

from functions.services.agent_host.sandbox import children
from functions.services.agent_host.sandbox.children import Rules
from functions.services.agent_host.sandbox.destinations import Destinations
from functions.services.agent_host.sandbox.limits import Egress
from functions.services.agent_host.sandbox.tests.conftest import Sandbox, ask

ALLOWED = "127.0.0.2"

CLIENT = """
    import asyncio, errno, socket, subprocess, sys, threading, urllib.request

    def fetch(address):
        return urllib.request.urlopen(f"http://{address}/", timeout=60).read().decode()

    async def fetch_without_waiting(address):
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        answer = await reader.read()
        writer.close()
        return answer.decode().rpartition("\\r\\n")[2]

    def fetch_by_blocking(address):
        host, _, port = address.rpartition(":")
        connection = socket.socket()
        connection.connect((host, int(port)))
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return connection.makefile().read().rpartition("\\n")[2]

    def fetch_elsewhere(address):
        code = f"import urllib.request; print(urllib.request.urlopen('http://{address}/').read().decode(), end='')"
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    def fetch_at_once(address):
        found = []
        threads = [threading.Thread(target=lambda: found.append(fetch(address))) for _ in range(5)]
        for each in threads: each.start()
        for each in threads: each.join()
        return "".join(sorted(set(found)))

    def fetch_too_often(address):
        host, _, port = address.rpartition(":")
        for _ in range(1000):
            socket.create_connection((host, int(port))).close()

    def agent(request):
        how, address = request.get_json()
        try:
            found = globals()[how](address)
            return {"text": asyncio.run(found) if asyncio.iscoroutine(found) else found}
        except OSError as error:
            reason = getattr(error, "reason", error)
            return {"error": errno.errorcode.get(reason.errno, str(reason))}
"""

WAYS = ("fetch", "fetch_without_waiting", "fetch_by_blocking", "fetch_elsewhere", "fetch_at_once")


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(address: str, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    # Whoever comes to a full queue waits for seconds before the kernel tries again.
    kind = type("Server", (ThreadingHTTPServer,), {"address_family": family, "request_queue_size": 1024})
    server = kind((address, 0), Hello)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowing(make: Callable[[Rules], Sandbox]) -> Sandbox:
    return make(Rules(Egress.NONE, (f"{ALLOWED}/32",)))


def test_an_allowed_address_is_reached_in_every_way(allowing: Sandbox) -> None:
    child = allowing.wake(CLIENT)
    with served(ALLOWED) as port:
        assert {way: ask(child, [way, f"{ALLOWED}:{port}"])["text"] for way in WAYS} == dict.fromkeys(WAYS, "hello")


def test_no_other_address_is(allowing: Sandbox) -> None:
    child = allowing.wake(CLIENT)
    with served("127.0.0.1") as port:
        for way in ("fetch", "fetch_without_waiting", "fetch_by_blocking"):
            assert ask(child, [way, f"127.0.0.1:{port}"]) == {"error": "EACCES"}


def test_who_does_not_listen_refuses_as_ever(allowing: Sandbox) -> None:
    child = allowing.wake(CLIENT)
    with socket.create_server((ALLOWED, 0)) as taken:
        port = taken.getsockname()[1]
    for way in ("fetch", "fetch_without_waiting", "fetch_by_blocking"):
        assert ask(child, [way, f"{ALLOWED}:{port}"]) == {"error": "ECONNREFUSED"}


def test_the_hosts_own_door_is_reached_whatever_the_egress_but_not_all_the_time(
    make: Callable[[Rules], Sandbox],
) -> None:
    with served("127.0.0.1") as door, served("127.0.0.1") as other:
        child = make(Rules(Egress.NONE, doors=(door,))).wake(CLIENT)
        assert {way: ask(child, [way, f"127.0.0.1:{door}"])["text"] for way in WAYS} == dict.fromkeys(WAYS, "hello")
        assert ask(child, ["fetch", f"127.0.0.1:{other}"]) == {"error": "EACCES"}
        assert ask(child, ["fetch_too_often", f"127.0.0.1:{door}"]) == {"error": "EAGAIN"}


def test_with_all_allowed_ipv6_is_reached_too(make: Callable[[Rules], Sandbox]) -> None:
    child = make(Rules(Egress.ALL)).wake(CLIENT)
    with served("::1", socket.AF_INET6) as port:
        assert ask(child, ["fetch", f"[::1]:{port}"]) == {"text": "hello"}


@pytest.mark.parametrize(
    ("egress", "address", "port", "allowed"),
    [
        (Egress.PUBLIC, "93.184.215.14", 443, True),
        (Egress.PUBLIC, "::ffff:93.184.215.14", 443, True),
        (Egress.PUBLIC, "::ffff:10.0.0.1", 443, False),
        (Egress.PUBLIC, "10.0.0.53", 53, True),
        (Egress.PUBLIC, "10.0.0.53", 80, False),
        (Egress.PUBLIC, "fe80::1%eth0", 80, False),
        (Egress.NONE, "93.184.215.14", 443, False),
        (Egress.NONE, "10.0.0.53", 53, False),
        (Egress.NONE, "10.9.8.7", 80, True),
        (Egress.ALL, "127.0.0.1", 80, True),
        (Egress.PUBLIC, "no address", 80, False),
        (Egress.NONE, "127.0.0.1", 8099, True),
        (Egress.NONE, "127.0.0.2", 8099, False),
        (Egress.NONE, "93.184.215.14", 8099, False),
    ],
)
def test_egress_says_where_to(egress: Egress, address: str, port: int, allowed: bool) -> None:
    destinations = Destinations(egress, ("10.9.8.0/24",), frozenset({ip_address("10.0.0.53")}), frozenset({8099}))
    assert destinations.allow(address, port) is allowed


NAMES = """
import http.client, json, socket, struct, sys, tempfile, threading
from pathlib import Path
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.limits import Egress, Limits

def answer(connection):
    (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
    query = connection.recv(length, socket.MSG_WAITALL)
    kind = query[query.index(0, 12) + 2]
    found = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + bytes([192, 0, 2, 7]) if kind == 1 else b""
    end = query.index(0, 12) + 5
    reply = query[:2] + b"\\x81\\x80\\0\\1" + bytes([0, kind == 1]) + b"\\0\\0\\0\\0" + query[12:end] + found
    connection.sendall(struct.pack("!H", len(reply)) + reply)

def serve():
    listening = socket.create_server(("127.0.0.53", 53))
    while True:
        connection, _ = listening.accept()
        try:
            while True:
                answer(connection)
        except (OSError, struct.error):
            connection.close()

threading.Thread(target=serve, daemon=True).start()
folder = Path(sys.argv[1])
(folder / "main.py").write_text('''
import socket
def agent(request):
    return {"found": socket.getaddrinfo("api.example", 443, type=socket.SOCK_STREAM)[0][4][0]}
''')
children = Children(folder / "children", rules=Rules(Egress.PUBLIC), on_log=print, on_exit=lambda *_: None)
children.start()
child = children.wake("a", Code("a", folder), b"{}", Limits(), seconds=120)
connection = http.client.HTTPConnection("agent", timeout=120)
connection.sock = child.connect()
connection.request("POST", "/", "{}", {"Content-Type": "application/json"})
print(connection.getresponse().read().decode())
children.close()
"""

WITH_NAME_SERVER = """
set -e
echo "nameserver 127.0.0.53" > "$1/resolv.conf"
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"
exec "$2" -c "$3" "$1"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another name server is put in place for a program alone")
def test_names_are_resolved_by_tcp(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "-mn", "sh", "-c", f"ip link set lo up\n{WITH_NAME_SERVER}", "sh", tmp_path, sys.executable, NAMES],
        cwd=children.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert '{"found":"192.0.2.7"}' in done.stdout, done.stdout + done.stderr
