import socket
import subprocess
import sys
from pathlib import Path

import pytest

from functions.local import binaries, leftovers, settings
from functions.local.errors import LocalError
from functions.local.only_one import only_one
from functions.local.ports import Ports, free_ports


def test_a_second_run_is_told_of_the_first(tmp_path: Path) -> None:
    second = [
        sys.executable,
        "-c",
        f"from functions.local.only_one import *\nwith only_one(Path({str(tmp_path)!r})): ...",
    ]
    with only_one(tmp_path):
        told = subprocess.run(second, cwd=settings.ROOT, capture_output=True, text=True, check=False)
    assert "is up already" in told.stderr
    assert subprocess.run(second, cwd=settings.ROOT, check=False).returncode == 0


def test_a_taken_port_is_named_with_its_part() -> None:
    [port] = free_ports(1)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LocalError, match=rf"port {port} \(flower\) is taken"),
    ):
        Ports(**{**vars(Ports.free()), "flower": port}).refuse_taken()


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGES", {"no-such-server": "no-such-package"})
    with pytest.raises(LocalError, match="apt-get install no-such-package"):
        binaries.find("no-such-server")


def test_what_a_killed_runner_left_behind_is_found_by_its_folder_and_ended(tmp_path: Path) -> None:
    other = tmp_path / "other"
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with (
        subprocess.Popen([sys.executable, "-c", sleeper], env={leftovers.MARK: str(tmp_path / "run")}) as mine,
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], env={leftovers.MARK: str(other)}
        ) as others,
    ):
        assert leftovers.end(tmp_path / "run", seconds=5) >= 1
        assert mine.wait() < 0
        assert list(leftovers.processes(other)) == [others.pid]
        leftovers.end(other)
