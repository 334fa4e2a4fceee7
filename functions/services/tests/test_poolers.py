"""The meter asks a PgBouncer that was started as its container starts it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.services.figures import poolers
from provisioning.local_settings import LOOPBACK, ROOT
from tools.local.ports import free_ports
from tools.local.servers import binaries

Eventually = Callable[..., Any]


@pytest.fixture
def pgbouncer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Start PgBouncer, which no superuser may run; return the folder of its secrets."""
    if binaries.installed("pgbouncer") is None:
        pytest.skip("pgbouncer is not installed")
    with tempfile.TemporaryDirectory(prefix="botberi-pgbouncer-") as folder:
        for name in ("user-psql-pgbouncer", "pgbouncer-meter"):
            (Path(folder) / name).write_text(f"the password {name}")
        if is_root := os.getuid() == 0:
            shutil.chown(folder, "nobody")
        [port] = free_ports(1)
        monkeypatch.setenv("BOTBERI_SECRETS", folder)
        monkeypatch.setenv("POOLERS", f"user_psql={LOOPBACK}:{port} shared_psql={LOOPBACK}:1")
        settings = {"DATABASE": "user_psql", "UPSTREAM": f"{LOOPBACK}:1", "PORT": str(port), "TMPDIR": folder}
        environment = {**os.environ, "PATH": binaries.path_to("pgbouncer"), **settings}
        start = (ROOT / "deploy/pgbouncer/start.sh").read_text()
        with subprocess.Popen(
            ["/bin/sh", "-c", start],
            env=environment,
            user="nobody" if is_root else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            yield Path(folder)
            process.terminate()


def value(name: str, **labels: str) -> float | None:
    return next((number for found, said, number in poolers.samples() if found == name and said == labels), None)


@pytest.mark.usefixtures("pgbouncer")
def test_a_pooler_tells_who_waits_and_one_that_is_away_is_said_to_be(eventually: Eventually) -> None:
    eventually(lambda: value("botberi_pooler_up", database="user_psql") == 1)
    assert value("botberi_pooler_clients", database="user_psql", state="waiting") == 0
    assert value("botberi_pooler_longest_wait_seconds", database="user_psql") == 0
    assert value("botberi_pooler_up", database="shared_psql") == 0


def test_a_pooler_lets_nobody_in_without_the_meters_password(pgbouncer: Path, eventually: Eventually) -> None:
    eventually(lambda: value("botberi_pooler_up", database="user_psql") == 1)
    (pgbouncer / "pgbouncer-meter").write_text("another")
    assert value("botberi_pooler_up", database="user_psql") == 0
