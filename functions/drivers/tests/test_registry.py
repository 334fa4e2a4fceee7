"""`DRIVER` chooses where versions run that are images, and whatever can be chosen passes the drivers' suite."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions.domain.catalog import images
from functions.drivers import registry
from functions.drivers.none import NoDriver


@pytest.mark.parametrize("value", [None, "", "none"])
def test_nothing_runs_images_without_a_choice(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("DRIVER", raising=False)
    if value is not None:
        monkeypatch.setenv("DRIVER", value)
    assert isinstance(registry.from_settings(), NoDriver)
    assert not images.run_here()


@pytest.mark.usefixtures("env")
def test_a_worker_with_a_driver_that_is_none_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVER", "balloon")
    worker = [sys.executable, "-m", "celery", "-A", "functions.jobs.app", "worker"]
    ended = subprocess.run(worker, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "DRIVER is 'balloon', which is none of" in ended.stderr


@pytest.mark.parametrize("name", sorted(registry.DRIVERS))
def test_every_driver_that_runs_something_has_the_suite_of_drivers(name: str) -> None:
    tests = Path(__file__).with_name(f"test_{name}.py").read_text()
    assert "(VersionDriverSuite, FaultSuite):" in tests or name == images.NOWHERE
