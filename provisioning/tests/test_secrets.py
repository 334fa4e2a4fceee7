"""Secrets of containers: generated once, and each in a volume of its own."""

import os
import stat
from pathlib import Path

import pytest
import yaml

from provisioning import secrets
from provisioning.local_settings import ROOT
from tools.manifests.compose import FILE


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    for name in secrets.names():
        (tmp_path / "volumes" / name).mkdir(parents=True)
    (tmp_path / "environment").mkdir()
    secrets.fill(tmp_path / "environment", tmp_path / "volumes")
    return tmp_path / "environment"


def test_the_compose_file_mounts_every_secret_that_is_made() -> None:
    volumes = yaml.safe_load((ROOT / FILE).read_text())["volumes"]
    assert [name.removeprefix("secret-") for name in volumes if name.startswith("secret-")] == secrets.names()


def test_every_secret_reaches_its_volume_readable_for_any_user(environment: Path) -> None:
    files = [environment.parent / "volumes" / name / name for name in secrets.names()]

    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o444] * len(files)


def test_what_is_generated_belongs_to_the_owner_of_the_environment_and_to_nobody_else(environment: Path) -> None:
    files = list((environment / "secrets").iterdir())

    assert {(stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) for file in files} == {(0o600, os.getuid())}


def test_a_second_start_keeps_what_the_first_generated(environment: Path) -> None:
    before = {file.name: file.read_text() for file in (environment / "secrets").iterdir()}

    secrets.fill(environment, environment.parent / "volumes")

    assert {file.name: file.read_text() for file in (environment / "secrets").iterdir()} == before


def test_rabbitmq_is_told_no_password(environment: Path) -> None:
    definitions = (environment.parent / "volumes" / secrets.DEFINITIONS / secrets.DEFINITIONS).read_text()

    assert not [
        part for part in ("admin", "relay") if (environment / f"secrets/event-bus-{part}").read_text() in definitions
    ]
