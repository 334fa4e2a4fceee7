"""A PgBouncer that was started as its container starts it answers its exporter."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.postgres.errors import Error
from core.postgres.pipelined import DiscreetNative
from provisioning.local_settings import LOOPBACK, ROOT
from tools.local.ports import free_ports
from tools.local.servers import binaries
from tools.local.wait import until

PASSWORD = "a password"


@pytest.fixture
def pgbouncer() -> Iterator[int]:
    """Start PgBouncer, which no superuser may run; return its port."""
    if binaries.installed("pgbouncer") is None:
        pytest.skip("pgbouncer is not installed")
    with tempfile.TemporaryDirectory(prefix="botberi-pgbouncer-") as folder:
        for name in ("user-psql-pgbouncer", "pgbouncer-exporter"):
            (Path(folder) / name).write_text(PASSWORD)
        if is_root := os.getuid() == 0:
            shutil.chown(folder, "nobody")
        [port] = free_ports(1)
        settings = {"DATABASE": "user_psql", "UPSTREAM": f"{LOOPBACK}:1", "PORT": str(port), "TMPDIR": folder}
        environment = {**os.environ, "BOTBERI_SECRETS": folder, "PATH": binaries.path_to("pgbouncer"), **settings}
        start = (ROOT / "deploy/pgbouncer/start.sh").read_text()
        with subprocess.Popen(
            ["/bin/sh", "-c", start],
            env=environment,
            user="nobody" if is_root else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert until(lambda: answers(port), seconds=30)
            yield port
            process.terminate()


def answers(port: int) -> bool:
    try:
        return bool(columns(port, "show version"))
    except Error:
        return False


def columns(port: int, command: str, password: str = PASSWORD) -> set[str]:
    """Return the columns of what PgBouncer's console answers to its exporter."""
    made = DiscreetNative("botberi_exporter", LOOPBACK, port=port, timeout=3, database="pgbouncer", password=password)
    with closing(made) as console:
        console.run(command)
        return {column["name"] for column in console.columns}


def test_a_pooler_tells_its_exporter_who_waits_and_for_how_long(pgbouncer: int) -> None:
    assert {"database", "cl_active", "cl_waiting", "sv_active", "sv_idle", "maxwait"} <= columns(
        pgbouncer, "show pools"
    )
    assert {"database", "xact_count", "wait_time"} <= columns(pgbouncer, "show stats_totals")


def test_a_pooler_lets_nobody_in_without_the_exporters_password(pgbouncer: int) -> None:
    with pytest.raises(Error, match="authentication failed"):
        columns(pgbouncer, "show pools", "another")
