"""A server as a process: how long until it answers, what that costs, what memory it holds, what load it bears."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

import psutil

from provisioning.local_settings import LOOPBACK
from tools.bench import wrk
from tools.local.health import answers
from tools.local.ports import free_ports
from tools.local.wait import until

CONNECTIONS: Final = 8
SECONDS: Final = 4
REPETITIONS: Final = 5


@dataclass(frozen=True)
class Start:
    """One start, up to the first answer."""

    wall: float
    """Milliseconds from the start of the process to its first answer."""
    processor: float
    """Milliseconds of processor time that this took, which other load on the machine hardly changes."""
    memory: float
    """MB that its processes hold between them, shared pages in proportion (PSS)."""
    processes: tuple[psutil.Process, ...] = ()


@dataclass(frozen=True)
class Rate:
    """The throughput of a server under load."""

    per_second: float
    processor: float
    """Microseconds of processor time that a request takes, which other load on the machine hardly changes."""


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], path: str) -> Iterator[tuple[int, Start]]:
    """Start a server whose last argument is to be its port, and wait until `path` is answered."""
    [port] = free_ports(1)
    began = time.perf_counter()
    process = subprocess.Popen([*command, str(port)], env=dict(environment), stderr=subprocess.DEVNULL)
    try:
        if not until(lambda: answers(port, path) or process.poll() is not None, seconds=60, pause=0.002):
            message = f"{' '.join(command)} never answered"
            raise AssertionError(message)
        if process.returncode is not None:
            message = f"{' '.join(command)} ended with the code {process.returncode} before it answered"
            raise AssertionError(message)
        wall = (time.perf_counter() - began) * 1000
        server = psutil.Process(process.pid)
        family = (server, *server.children(recursive=True))
        yield port, Start(wall, sum(map(_processor, family)), sum(map(_memory, family)), family)
    finally:
        process.terminate()
        process.wait()


def typical(starts: Sequence[Start]) -> Start:
    """Return the medians."""
    return Start(
        median(each.wall for each in starts),
        median(each.processor for each in starts),
        median(each.memory for each in starts),
    )


def rate(port: int, path: str, processes: Sequence[psutil.Process]) -> Rate:
    """Return the requests a second that a server's processes answer, after a warm-up."""
    url = f"http://{LOOPBACK}:{port}{path}"
    wrk.rate(url, connections=CONNECTIONS, seconds=2)
    before = sum(map(_processor, processes))
    per_second = wrk.rate(url, connections=CONNECTIONS, seconds=SECONDS)
    spent = sum(map(_processor, processes)) - before
    return Rate(per_second, spent * 1000 / (per_second * SECONDS))


def usual(rates: Sequence[Rate]) -> Rate:
    """Return the medians."""
    return Rate(median(each.per_second for each in rates), median(each.processor for each in rates))


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return (times.user + times.system) * 1000


def _memory(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 2**20
