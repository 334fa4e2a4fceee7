"""The services of one test session, shared by its workers: started by the first that asks, ended after the last.

Whoever takes part holds a shared lock on a file. A guard process starts the services, and ends them as soon as it can
have that lock for itself: also when a test run was killed. If the guard was killed too, the next run clears up.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from provisioning import local_settings
from tools.local import orphans
from tools.local.errors import LocalError
from tools.local.wait import until

FAMILY: Final = f"botberi-tests-{os.getuid()}-"

TAKING_PART: Final = "taking-part.lock"
READY: Final = "ready.json"
TIMEOUT: Final = 300
"""Seconds that all services together may take to start, on a machine that is busy with the tests."""


@contextmanager
def joined(session: str) -> Iterator[Path]:
    """Take part in a test session: yield its folder, in which the services run on the ports of `ready.json`."""
    clear_up()
    folder = Path(tempfile.gettempdir()) / f"{FAMILY}{session}"
    with _taking_part(folder):
        with _alone(folder / "starting.lock"):
            if not (folder / READY).exists():
                _start_guard(folder)
        yield folder


@contextmanager
def _taking_part(folder: Path) -> Iterator[None]:
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / TAKING_PART).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            # Between opening and locking a guard may have ended that session and removed its folder.
            if _is_still(file, folder / TAKING_PART):
                yield
                return


def _is_still(file: IO[str], path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start_guard(folder: Path) -> None:
    with (folder / "guard.log").open("ab") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "testing.guard", str(folder)],
            env={
                **local_settings.inherited(),
                "PYTHONPATH": str(local_settings.ROOT),
                local_settings.MARK: str(folder),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(lambda: (folder / READY).exists() or guard.poll() is not None, seconds=TIMEOUT)
    if not (folder / READY).exists():
        orphans.end(folder)
        message = f"the services for the tests did not start; {folder}/guard.log: {(folder / 'guard.log').read_text()}"
        raise LocalError(message)
    # It outlives this process on purpose: without this the interpreter would warn of it.
    guard.returncode = 0


def clear_up() -> None:
    """End what sessions have left behind whose guard and participants are all gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FAMILY}*"):
        with suppress(BlockingIOError, FileNotFoundError), (folder / TAKING_PART).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            orphans.end(folder, seconds=5)
            shutil.rmtree(folder, ignore_errors=True)
