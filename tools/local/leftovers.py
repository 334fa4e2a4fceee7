"""The processes that belong to a folder of the local run or of a test session, whoever is their parent by now.

Each carries the folder, or one within it, in its environment, which children inherit: port mappers and workers too.
Servers that write over their environment are known by the folder they work in, and agents, which are given an
environment of their own, by the folder that they are told to serve.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from provisioning.local_settings import MARK
from tools.local.patience import until

_SERVERS: Final = frozenset({"postgres", "redis-server", "nginx"})

_AGENTS: Final = "/agent_host.py"


def processes(folder: Path) -> Iterator[int]:
    """Yield the ids of the processes that belong to `folder`, without this one and its ancestors."""
    mine = set(_ancestors())
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in mine and _belongs(entry, folder):
            yield int(entry.name)


def end(folder: Path, *, seconds: float = 10) -> int:
    """Stop what belongs to `folder`, kindly and after `seconds` by force; return how many processes there were."""
    asked: set[int] = set()

    def gone() -> bool:
        found = set(processes(folder))
        for pid in found - asked:
            # Postgres takes TERM for "when the last client has gone"; INT is its fast way that still writes everything.
            is_postgres = _program(Path(f"/proc/{pid}")) == "postgres"
            _send(pid, signal.SIGINT if is_postgres else signal.SIGTERM)
            asked.add(pid)
        return not found

    if not until(gone, seconds=seconds, pause=0.1):
        for pid in processes(folder):
            _send(pid, signal.SIGKILL)
        until(lambda: not any(processes(folder)), seconds=5)
    return len(asked)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _belongs(entry: Path, folder: Path) -> bool:
    try:
        if _state(entry) == "Z":
            return False
        if any(Path(mark).is_relative_to(folder) for mark in _marks(entry)):
            return True
        if _program(entry) in _SERVERS:
            return (entry / "cwd").readlink().is_relative_to(folder)
        arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        serves_agent = any(argument.endswith(_AGENTS) for argument in arguments)
        return serves_agent and any(Path(argument).is_relative_to(folder) for argument in arguments)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False


def _marks(entry: Path) -> Iterator[str]:
    for variable in (entry / "environ").read_bytes().split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == MARK.encode():
            yield value.decode(errors="replace")


def _program(entry: Path) -> str:
    try:
        return (entry / "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _state(entry: Path) -> str:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0]


def _ancestors() -> Iterator[int]:
    pid = os.getpid()
    while pid:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
