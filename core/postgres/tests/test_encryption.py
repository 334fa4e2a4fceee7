"""Where Postgres encrypts, what goes to it is encrypted."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pg8000.exceptions import InterfaceError

from core.postgres.pipelined import DiscreetNative, NativeConnection
from tools.local.ports import free_ports

REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate that nobody vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def asked(certificate: Path) -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that encrypts, hears one client out and goes, and what it was sent, decrypted."""
    context, heard = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[bytes]()
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            heard.append(client.recv(8))
            client.sendall(b"S")
            with context.wrap_socket(client, server_side=True) as encrypted:
                heard.append(encrypted.recv(1000))

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join(30)


@pytest.mark.parametrize("kind", [DiscreetNative, NativeConnection])
def test_what_is_said_to_a_server_that_encrypts_is_encrypted(
    asked: tuple[int, list[bytes]], kind: type[DiscreetNative]
) -> None:
    port, heard = asked
    with pytest.raises((InterfaceError, OSError)):
        kind("somebody", host="127.0.0.1", port=port, database="theirs", timeout=30)
    assert heard[0] == REQUEST
    assert b"user\x00somebody\x00" in heard[1]


def test_where_nobody_listens_the_address_is_told() -> None:
    [port] = free_ports(1)
    with pytest.raises(InterfaceError, match=f"host 127.0.0.1 and port {port}"):
        DiscreetNative("somebody", host="127.0.0.1", port=port)
