import socket
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning import local_settings
from provisioning.local_settings import Ports
from tools.local import orphans
from tools.local.errors import LocalError
from tools.local.lock import exclusive
from tools.local.ports import free, free_ports, refuse_taken
from tools.local.servers import binaries


def test_a_second_run_is_told_of_the_first(tmp_path: Path) -> None:
    second = [
        sys.executable,
        "-c",
        f"from tools.local.lock import *\nwith exclusive(Path({str(tmp_path)!r})): ...",
    ]
    with exclusive(tmp_path):
        told = subprocess.run(second, cwd=local_settings.ROOT, capture_output=True, text=True, check=False)
    assert "is up already" in told.stderr
    assert subprocess.run(second, cwd=local_settings.ROOT, check=False).returncode == 0


def test_a_taken_port_is_named_with_its_part() -> None:
    [port] = free_ports(1)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LocalError, match=rf"port {port} \(flower\) is taken"),
    ):
        refuse_taken(Ports(**{**vars(free()), "flower": port}))


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGES", {"no-such-server": "no-such-package"})
    with pytest.raises(LocalError, match="apt-get install no-such-package"):
        binaries.find("no-such-server")


def test_what_a_killed_runner_left_behind_is_found_by_its_folder_and_ended(tmp_path: Path) -> None:
    other = tmp_path / "other"
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with (
        subprocess.Popen([sys.executable, "-c", sleeper], env={local_settings.MARK: str(tmp_path / "run")}) as mine,
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], env={local_settings.MARK: str(other)}
        ) as others,
    ):
        assert orphans.end(tmp_path / "run", seconds=5) >= 1
        assert mine.wait() < 0
        assert [process.pid for process in orphans.processes(other)] == [others.pid]
        orphans.end(other)
