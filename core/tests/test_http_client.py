"""The HTTP client, against servers that answer in every way there is."""

import datetime as dt
import gzip
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core import http_client
from testing.canned import Server

Serve = Callable[..., Server]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: 1\r\nX-A: 2\r\n\r\nwell"


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Server] = []

    def start(answer: bytes, pause: float | None = None) -> Server:
        made.append(Server([[answer]], pause))
        return made[-1]

    yield start
    for server in made:
        server.close()


class Answering(socketserver.StreamRequestHandler):
    """Answers with the line that it was asked by."""

    def handle(self) -> None:
        line = self.rfile.readline().rstrip()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))


class Quiet(socketserver.TCPServer):
    """Doesn't print what went wrong with a connection."""

    def handle_error(self, *_: object) -> None:
        pass


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return a certificate of 127.0.0.1 and its key, as files."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, host = dt.datetime.now(dt.UTC), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=True)
        .sign(key, hashes.SHA256())
    )
    as_text = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*as_text))
    return folder / "ca.crt", folder / "key.pem"


def url(server: Server, path: str = "/a%2Fb?c=d") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_a_request_goes_out_as_it_is(serve: Serve) -> None:
    server = serve(OK)
    response = http_client.request("PUT", url(server), seconds=5, body=b"abc", headers={"X-B": "3"})
    assert (response.status, response.body, response.headers.getlist("x-a")) == (200, b"well", ["1", "2"])
    head = server.requests[0].partition(b"\r\n\r\n")[0]
    assert head.split(b"\r\n")[0] == b"PUT /a%2Fb?c=d HTTP/1.1"
    assert sorted(head.split(b"\r\n")[1:]) == [
        b"Accept-Encoding: identity",
        b"Content-Length: 3",
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"X-B: 3",
    ]


def test_a_unix_socket_is_asked_as_any_server(tmp_path: Path) -> None:
    path = tmp_path / "Engine.sock"
    with socketserver.UnixStreamServer(str(path), Answering) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = http_client.Address("http://engine/v1?a=b", unix_socket=path)
        response = http_client.request("GET", address, seconds=5)
    assert (response.status, response.body) == (200, b"GET /v1?a=b HTTP/1.1")


def test_a_unix_socket_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        http_client.request("GET", http_client.Address("http://engine/", unix_socket=tmp_path / "none"), seconds=5)


def test_an_authority_of_one_s_own_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Quiet(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}/"
        assert http_client.request("GET", http_client.Address(url, ca_file=certificate), seconds=5).status == 200
        with pytest.raises(OSError, match="certificate verify failed"):
            http_client.request("GET", url, seconds=5)
        server.shutdown()


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 200 OK\r\n\r\n" + b"well" * 10])
def test_an_answer_that_drips_has_no_more_time_than_one_that_hangs(serve: Serve, answer: bytes) -> None:
    with pytest.raises(TimeoutError, match="timed out"):
        http_client.request("GET", url(serve(answer, 0.05)), seconds=0.3)


def test_a_limit_bounds_what_is_read(serve: Serve) -> None:
    endless = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 20)
    with http_client.exchange("GET", url(endless), seconds=5) as response:
        assert response.read(10) == b"x" * 10


def test_a_redirect_is_an_answer_like_any_other(serve: Serve) -> None:
    other = serve(OK)
    head = f"HTTP/1.1 302 Found\r\nLocation: {url(other)}\r\nContent-Length: 0\r\n\r\n"
    assert http_client.request("GET", url(serve(head.encode())), seconds=5).status == 302
    assert other.requests == []


def test_the_environment_names_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert http_client.is_ok(url(serve(OK)), seconds=5)


def test_nothing_is_decompressed(serve: Serve) -> None:
    packed = gzip.compress(b"x" * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    assert http_client.request("GET", url(serve(head.encode() + packed)), seconds=5).body == packed


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", OK[:-1]])
def test_what_is_no_answer_is_an_error_of_the_connection(serve: Serve, answer: bytes) -> None:
    with pytest.raises(ConnectionError):
        http_client.request("GET", url(serve(answer)), seconds=5)


def test_nobody_there_is_refused_as_the_system_says() -> None:
    with pytest.raises(ConnectionRefusedError, match=r"^\[Errno 111\] Connection refused$"):
        http_client.request("GET", "http://127.0.0.1:1/", seconds=5)
    assert not http_client.is_ok("http://127.0.0.1:1/", seconds=5)
    with pytest.raises(OSError, match=r"not known|resolution"):
        http_client.request("GET", "http://nowhere.invalid/", seconds=5)


def test_what_is_connected_to_is_an_address_that_was_allowed(serve: Serve) -> None:
    server = serve(OK)
    asked: list[str] = []

    def only(address: str) -> bool:
        asked.append(address)
        return address == "127.0.0.1"

    address = http_client.Address(f"http://localhost:{server.port}/", allows=only)
    assert http_client.request("GET", address, seconds=5).status == 200
    assert set(asked) <= {"127.0.0.1", "::1"}
    assert b"Host: localhost:" in server.requests[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_without_an_address_that_is_allowed_is_not_connected_to(serve: Serve, scheme: str) -> None:
    server = serve(OK)
    for host in ("localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1"):
        address = http_client.Address(f"{scheme}://{host}:{server.port}/", allows=lambda _: False)
        with pytest.raises(http_client.AddressRefusedError):
            http_client.request("GET", address, seconds=5)
    assert server.requests == []
