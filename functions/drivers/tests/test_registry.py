"""`DRIVER` chooses where instances run, and whatever can be chosen passes the drivers' suite."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions.drivers import registry
from functions.drivers.process import ProcessDriver


def test_processes_are_what_there_is_without_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTBERI_INSTANCES", str(tmp_path))
    monkeypatch.delenv("DRIVER", raising=False)
    chosen = registry.from_settings()
    assert isinstance(chosen, ProcessDriver)
    assert chosen.folder == tmp_path


@pytest.mark.usefixtures("env")
def test_a_worker_with_a_driver_that_is_none_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVER", "balloon")
    worker = [sys.executable, "-m", "celery", "-A", "functions.jobs.app", "worker"]
    ended = subprocess.run(worker, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "DRIVER is 'balloon', which is none of" in ended.stderr


@pytest.mark.parametrize("name", sorted(registry.DRIVERS))
def test_every_driver_has_the_suite_of_drivers(name: str) -> None:
    tests = Path(__file__).with_name(f"test_{name}.py")
    assert "(DriverSuite):" in tests.read_text()
