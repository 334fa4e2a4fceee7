"""What the installer could do if it were somebody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.services.agent_host.code_cache import confined
from functions.services.agent_host.code_cache.tests.an_index import an_index
from functions.services.agent_host.sandbox.children import ROOT

GET = """
import socket
with socket.create_connection({there!r}, {seconds}) as connection:
    connection.sendall({said!r})
    while data := connection.recv(4096):
        print(data)
"""
ASK_FOR = b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01"
"""SOCKS' words for a connection to 127.0.0.1; its port follows."""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    return secret


def said(tmp_path: Path, program: str, places: str = "https://index.example/simple") -> str:
    """Return what a program in the installer's place writes."""
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    (own / "readable").touch()
    run = [sys.executable, "-m", confined.__name__, str(own), str(own / "readable"), places]
    done = subprocess.run(
        [*run, sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT)},
        cwd=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_it_reads_nothing_of_others_and_reaches_none_of_their_processes(tmp_path: Path, secret: Path) -> None:
    assert "PermissionError" in said(tmp_path, f"open({str(secret)!r})")
    assert "PermissionError" in said(tmp_path, f"open('/proc/{os.getpid()}/environ')")
    assert "PermissionError" in said(tmp_path, f"import os, signal; os.kill({os.getpid()}, signal.SIGTERM)")
    assert "PermissionError" in said(tmp_path, "import socket; socket.create_server(('127.0.0.1', 0))")
    assert said(tmp_path, "open('own', 'w').write('x'); print(open('own').read())") == "x\n"


def test_wherever_it_connects_to_there_is_the_proxy_that_reaches_the_index_alone(tmp_path: Path) -> None:
    with an_index() as index:
        port = int(index.url.rsplit(":", 1)[1].split("/")[0])
        request = b"GET /simple/nothing/ HTTP/1.0\r\n\r\n"
        there = ("127.0.0.1", port)
        # Spoken to as if it were the server itself: the proxy waits for the rest of its own words.
        said(tmp_path, GET.format(there=there, said=request, seconds=2))
        asked = ASK_FOR + port.to_bytes(2, "big")
        refused = said(tmp_path, GET.format(there=there, said=asked, seconds=20))
        assert f"Not reached: 127.0.0.1:{port}, PACKAGE_INDEX" in refused
        assert index.asked == []
        granted = said(tmp_path, GET.format(there=("127.0.0.1", 1), said=asked + request, seconds=20), index.url)
        assert "404" in granted
        assert index.asked == ["/simple/nothing/"]


def test_without_an_index_private_addresses_are_not_reached(tmp_path: Path) -> None:
    for port in (443, 80):
        asked = ASK_FOR + port.to_bytes(2, "big")
        told = said(tmp_path, GET.format(there=("127.0.0.1", 1), said=asked, seconds=20), "")
        assert f"Not reached: 127.0.0.1:{port}, PACKAGE_INDEX" in told


def test_how_it_ends_is_how_the_program_has_ended(tmp_path: Path) -> None:
    (tmp_path / "readable").touch()
    run = [sys.executable, "-m", confined.__name__, str(tmp_path), str(tmp_path / "readable"), ""]
    for program, status in (("exit(7)", 7), ("import os; os.abort()", 134)):
        done = subprocess.run([*run, sys.executable, "-c", program], cwd=ROOT, check=False)
        assert done.returncode == status
