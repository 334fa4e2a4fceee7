"""Functions are reached under whatever form of address a platform has."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from events.dispatcher.caller import Caller, NotAnAddressError, address_of
from events.dispatcher.delivery import CallResult, Delivery, Verdict
from events.signing import Keys, new_key

Answering = Callable[..., tuple[int, list[bytes]]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def call(url: str) -> CallResult:
    caller = Caller(url, "x", Keys(), 5)
    try:
        return caller(Delivery(1, 1, b"{}", "agt_1", "evt_1", "/s", None))
    finally:
        caller.close()


@pytest.mark.parametrize(
    ("form", "host", "port", "line", "authority"),
    [
        ("http://127.0.0.1:8050/function/{name}", "127.0.0.1", 8050, "/function/receive-it", "127.0.0.1:8050"),
        ("http://{name}:8080/", "receive-it", 8080, "/", "receive-it:8080"),
        ("http://{name}:8080", "receive-it", 8080, "/", "receive-it:8080"),
        ("http://gateway:8080/function/{name}", "gateway", 8080, "/function/receive-it", "gateway:8080"),
        (
            *("http://gateway.openfaas:8080/function/{name}.openfaas-fn", "gateway.openfaas", 8080),
            *("/function/receive-it.openfaas-fn", "gateway.openfaas:8080"),
        ),
        (
            *("http://{name}.botberi.svc.cluster.local", "receive-it.botberi.svc.cluster.local", 80),
            *("/", "receive-it.botberi.svc.cluster.local"),
        ),
        ("https://{name}.example.com/a/b?c=d", "receive-it.example.com", 443, "/a/b?c=d", "receive-it.example.com"),
        ("http://[::1]:8050/function/{name}", "::1", 8050, "/function/receive-it", "[::1]:8050"),
        ("http://user:secret@edge/in/{name}", "edge", 80, "/in/receive-it", "edge"),
    ],
)
def test_every_form_leads_to_its_host_with_its_name(form: str, host: str, port: int, line: str, authority: str) -> None:
    caller = Caller(address_of(form, "receive-it"), "receive-it", Keys(), 5)
    assert (caller.host, caller.port, caller.secure) == (host, port, form.startswith("https"))
    lines = caller.head.decode().split("\r\n")
    assert lines[:2] == [f"POST {line} HTTP/1.1", f"Host: {authority}"]


@pytest.mark.parametrize("form", ["http://gateway:8080/function/", "gateway/{name}", "ftp://{name}", "http:///{name}"])
def test_what_leads_to_no_function_is_refused(form: str) -> None:
    with pytest.raises(NotAnAddressError, match="FUNCTIONS_URL"):
        address_of(form, "receive-it")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_SIGNING_KEYS", new_key())


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Give what answers one request on ::1, over TLS if there is a certificate: its port, and what it receives."""
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)

    def begin(certificate: Path | None = None) -> tuple[int, list[bytes]]:
        received: list[bytes] = []
        threading.Thread(target=serve, args=(listener, certificate, received), daemon=True).start()
        return listener.getsockname()[1], received

    yield begin
    listener.close()


def serve(listener: socket.socket, certificate: Path | None, received: list[bytes]) -> None:
    with suppress(OSError):
        stream = listener.accept()[0]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            stream = context.wrap_socket(stream, server_side=True)
        with stream:
            received.append(stream.recv(65536))
            stream.sendall(OK)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for ::1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.now(UTC)
    until, number = now + timedelta(days=1), x509.random_serial_number()
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), number, now - timedelta(days=1), until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("::1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    file.write_bytes(private + built.public_bytes(pem))
    return file


def test_ipv6_is_called(answering: Answering) -> None:
    port, received = answering()
    assert call(f"http://[::1]:{port}/function/x").verdict is Verdict.HANDLED
    assert f"Host: [::1]:{port}\r\n".encode() in received[0]


def test_https_is_called_where_the_certificate_is_trusted(
    answering: Answering, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port, received = answering(certificate)
    assert call(f"https://[::1]:{port}/function/x").verdict is Verdict.HANDLED
    assert received[0].startswith(b"POST /function/x ")


def test_https_is_not_called_where_it_is_not(answering: Answering, certificate: Path) -> None:
    port, received = answering(certificate)
    answer = call(f"https://[::1]:{port}/function/x")
    assert (answer.verdict, answer.reason, received) == (Verdict.RETRY, "unreachable", [])
