"""The processes that belong to a folder of the local run or of a test session, whoever is their parent by now.

Each carries the folder, or one within it, in its environment, which children inherit: port mappers and workers too.
Servers that write over their environment are known by the folder they work in.
"""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from provisioning.local_settings import MARK
from tools.local.wait import until

_SERVERS: Final = frozenset({"postgres", "redis-server", "nginx"})


def processes(folder: Path) -> Iterator[psutil.Process]:
    """Yield the processes that belong to `folder`, without this one and its ancestors."""
    this = psutil.Process()
    mine = {this, *this.parents()}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process not in mine and _belongs(process, folder):
                yield process


def end(folder: Path, *, seconds: float = 10) -> int:
    """Stop what belongs to `folder`, kindly and after `seconds` by force; return how many processes there were."""
    asked: set[psutil.Process] = set()

    def gone() -> bool:
        found = set(processes(folder))
        for process in found - asked:
            with suppress(psutil.NoSuchProcess):
                # Postgres takes TERM for "when the last client has gone"; INT is its fast way that still writes all.
                process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
        asked.update(found)
        return not found

    if not until(gone, seconds=seconds, pause=0.1):
        for process in processes(folder):
            process.kill()
        until(lambda: not any(processes(folder)), seconds=5)
    return len(asked)


def _belongs(process: psutil.Process, folder: Path) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    mark = process.environ().get(MARK)
    if mark and Path(mark).is_relative_to(folder):
        return True
    if process.name() in _SERVERS:
        return Path(process.cwd()).is_relative_to(folder)
    return False
