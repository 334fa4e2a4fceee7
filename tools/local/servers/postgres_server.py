"""A private PostgreSQL server."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.postgres.errors import Error
from core.postgres.pipelined import DiscreetNative
from provisioning.local_settings import LOOPBACK
from tools.local.errors import LocalError
from tools.local.servers import managed_process
from tools.local.servers.binaries import find
from tools.local.servers.managed_process import ManagedProcess

SUPERUSER: Final = "postgres"

WITHOUT_VALUES: Final = {
    # A detail quotes the row, a context the values: `Key (email)=(…) already exists`.
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # No statement's text: one that sets a password holds it.
    "log_min_error_statement": "panic",
    "log_statement": "none",
}
"""Settings of Postgres that keep what is written out of its own log."""

_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
    **WITHOUT_VALUES,
}

_CARELESS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "1h",
}
"""For data that nobody will miss."""


def start(name: str, port: int, *, run: Path, password: str, durable: bool) -> ManagedProcess:
    """Start the database `name` under the folder `run`, and make its data folder at the first start."""
    folder = run / name
    if not folder.exists():
        # Made under another name: what was cut short must not be taken for a database.
        _create(run / f"{name}.new", password, durable=durable)
        (run / f"{name}.new").rename(folder)
    # Nothing of this folder runs any more when we come here; another process may have the old one's id by now.
    (folder / "postmaster.pid").unlink(missing_ok=True)
    settings = {**_SETTINGS, **({} if durable else _CARELESS), "port": str(port)}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with _reachable(folder) as (path, descriptor):
        return managed_process.start(
            name,
            [*_as_somebody(), _server_for(folder), "-D", path, *options],
            run=run,
            cwd=Path("/"),
            # TERM would wait for the last client; INT ends their sessions, writes everything and goes.
            stop_signal=signal.SIGINT,
            descriptors=[descriptor],
            ready=lambda: answers(port, password),
        )


def _server_for(folder: Path) -> Path:
    version = (folder / "PG_VERSION").read_text().strip()
    newest = find("postgres")
    same = newest.parents[2] / version / "bin" / "postgres"
    if same.is_file():
        return same
    if newest.parents[2].name == "postgresql":
        message = (
            f"{folder} was made by PostgreSQL {version}, which is not installed any more: "
            f"apt-get install postgresql-{version}, or forget the data with `make reset`"
        )
        raise LocalError(message)
    return newest


@contextmanager
def _reachable(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield a path by which Postgres finds its folder, and the descriptor behind it that the process must inherit.

    Postgres refuses to be root, and root's own folders (`/root`) let nobody else pass. But an open folder may be used
    by whoever inherits it and owns it, whatever lies above.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


def answers(port: int, password: str) -> bool:
    """Return whether the server takes connections."""
    try:
        connect(port, password).close()
    except Error:
        return False
    return True


def connect(port: int, password: str, database: str = SUPERUSER, *, seconds: float | None = 30) -> DiscreetNative:
    """Return a connection as the superuser, on which nothing takes longer than `seconds`; None: however long."""
    return DiscreetNative(SUPERUSER, host=LOOPBACK, port=port, database=database, password=password, timeout=seconds)


def _create(folder: Path, password: str, *, durable: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", prefix="botberi-") as password_file, _reachable(folder) as (path, descriptor):
        password_file.write(password)
        password_file.flush()
        _give(folder)
        _give(Path(password_file.name))
        options = ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={password_file.name}"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", *([] if durable else ["--no-sync"])]
        command = [str(part) for part in (*_as_somebody(), find("initdb"), "-D", path, *options)]
        made = subprocess.run(command, cwd="/", pass_fds=[descriptor], capture_output=True, text=True, check=False)
    if made.returncode:
        message = f"the data folder {folder} can't be made: {' '.join(made.stderr.split())}"
        raise LocalError(message)


def _as_somebody() -> list[str | Path]:
    if os.geteuid() != 0:
        return []
    return [find("setpriv"), f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--init-groups"]


def _give(path: Path) -> None:
    if os.geteuid() != 0:
        return
    try:
        owner = pwd.getpwnam(SUPERUSER)
    except KeyError:
        message = "Postgres refuses to run as root and there is no user `postgres`: apt-get install postgresql"
        raise LocalError(message) from None
    os.chown(path, owner.pw_uid, owner.pw_gid)
