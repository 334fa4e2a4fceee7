"""Where Postgres encrypts, what goes to it is encrypted."""

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pg8000.exceptions import InterfaceError

from core.postgres import pipelined
from core.postgres.pipelined import DiscreetNative, NativeConnection
from core.postgres.session import Session
from provisioning.local_settings import LOOPBACK
from tools.local.ports import free_ports
from tools.local.servers import postgres_server
from tools.local.wait import until

REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate that nobody vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody.example")])
    alone = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.add_extension(alone, critical=False)
    signed = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def _afresh() -> Iterator[None]:
    """Have the certificates of authorities read anew, before and after."""
    pipelined._encryption.cache_clear()
    yield
    pipelined._encryption.cache_clear()


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


@pytest.fixture(scope="module")
def servers(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a Postgres that encrypts; yield its port."""
    run, [port] = tmp_path_factory.mktemp("postgres"), free_ports(1)
    server = postgres_server.start("encrypting", port, run=run, password="open", durable=False)
    try:
        server.wait_until(lambda: postgres_server.answers(port, "open"))
        copy = Path(shutil.copy(certificate, run / "encrypting"))
        copy.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(copy, postgres_server.SUPERUSER)
        with closing(postgres_server.connect(port, "open")) as superuser:
            superuser.run("create role botberi_relay login password 'open'")
            for setting, value in (("ssl_cert_file", copy.name), ("ssl_key_file", copy.name), ("ssl", "on")):
                superuser.run(f"alter system set {setting} = '{value}'")
            superuser.run("select pg_reload_conf()")
        server.wait_until(lambda: _is_encrypted(port))
        yield port
    finally:
        server.stop()


@pytest.mark.usefixtures("_afresh")
def test_where_the_server_has_to_prove_who_it_is_one_that_nobody_vouches_for_is_left(
    servers: int, opened: Callable[[], closing[Session]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{servers}/postgres?tls=verify")
    with pytest.raises(InterfaceError, match=f"the certificate of {LOOPBACK} is not to be believed"):
        opened()


@pytest.mark.usefixtures("_afresh")
def test_one_that_an_authority_vouches_for_is_believed_by_its_own_name_alone(
    servers: int, certificate: Path, opened: Callable[[], closing[Session]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{servers}/postgres?tls=verify")
    with opened() as session:
        assert session.run("select ssl from pg_stat_ssl where pid = pg_backend_pid()") == [[True]]
    monkeypatch.setenv("SHARED_PSQL_URL", f"localhost:{servers}/postgres?tls=verify")
    with pytest.raises(InterfaceError, match="the certificate of localhost is not to be believed"):
        opened()


def test_a_server_that_does_not_encrypt_is_left_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, said = server.getsockname()[1], list[bytes]()

        def answer() -> None:
            client, _ = server.accept()
            with client:
                said.append(client.recv(8))
                client.sendall(b"N")
                said.append(client.recv(1000))

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(InterfaceError, match="doesn't encrypt"):
            DiscreetNative("somebody", host="127.0.0.1", port=port, password="secret", timeout=30, verified=True)
        thread.join(30)
    assert said == [REQUEST, b""]


def _is_encrypted(port: int) -> bool:
    with closing(postgres_server.connect(port, "open")) as connection:
        return bool(connection.run("select from pg_stat_ssl where pid = pg_backend_pid() and ssl"))


@pytest.fixture
def opened(servers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], closing[Session]]:
    """Return what opens a session at the Postgres that encrypts."""
    monkeypatch.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{servers}/postgres")
    monkeypatch.setenv("BOTBERI_SECRETS", str(tmp_path))
    (tmp_path / "shared-psql-relay").write_text("open")
    return lambda: closing(Session("shared_psql", "relay", name="test"))


def test_an_encrypted_session_waits_as_long_as_it_is_told_to(opened: Callable[[], closing[Session]]) -> None:
    with opened() as session:
        assert session.run("select ssl from pg_stat_ssl where pid = pg_backend_pid()") == [[True]]
        session.limit(0)
        assert session.run("select 1 from pg_sleep(0.1)") == [[1]]
        session.limit(0.1)
        with pytest.raises(InterfaceError):
            session.run("select pg_sleep(600)")


def test_an_encrypted_session_wakes_whoever_waits_for_its_notifications(
    opened: Callable[[], closing[Session]],
) -> None:
    with opened() as listener, opened() as other:
        listener.run("listen bell")
        other.run("select pg_notify('bell', repeat('x', 7000)) from generate_series(1, 3)")
        other.run("select pg_notify('bell', 'last')")
        heard = list[tuple[str, str]]()
        while ("bell", "last") not in heard:
            heard += listener.wait_notifications(60)


def test_an_encrypted_session_that_is_closed_ends_the_wait_of_another_thread(
    opened: Callable[[], closing[Session]],
) -> None:
    with opened() as session, opened() as other:
        session.limit(0)
        [[process]] = session.run("select pg_backend_pid()")
        failures = list[Exception]()

        def wait() -> None:
            try:
                session.run("select pg_sleep(600)")
            except (InterfaceError, OSError) as error:
                failures.append(error)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        state = "select state from pg_stat_activity where pid = :process"
        until(lambda: other.run(state, process=process) == [["active"]], seconds=60)
        session.close()
        waiting.join(60)
        assert failures
