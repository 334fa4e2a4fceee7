"""A wake without the product around it: a child of the sandbox to its first byte, and a bare functions-framework."""

import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from functions.services.agent_host.sandbox import process_tree
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.limits import Egress, Limits
from tools.bench.http.measure import running

SECONDS: Final = 120

AGENT: Final = """
def agent(request):
    return {"text": "hello"}
"""

WANTS_CONFIG: Final = """
import os

config = open(os.environ["AGENT_CONFIG"]).read()
"""


@dataclass(frozen=True)
class Wake:
    """One wake, up to the first byte."""

    wall: float
    """Milliseconds."""
    processor: float
    """Milliseconds of processor time of the process that was started."""
    memory: float
    """MB that are the process' own then."""


Case = Callable[[], Wake]
"""Wakes once."""

BARE: Final = "bare"
FORKED: Final = "forked"
LOADED: Final = "loaded"


@contextmanager
def bare() -> Iterator[Case]:
    """Yield a case that starts a functions-framework process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source = _code(Path(folder) / "bare", AGENT).folder / "main.py"
        yield lambda: _bare(source)


@contextmanager
def cases() -> Iterator[Mapping[str, Case]]:
    """Yield what takes turns: bare, forked from the version's zygote, and loaded by the child."""
    with tempfile.TemporaryDirectory() as name, bare() as started:
        folder = Path(name)
        children = Children(
            folder / "children", rules=Rules(Egress.PUBLIC), on_log=lambda _: None, on_exit=lambda *_: None
        )
        children.start()
        try:
            forked, loaded = _code(folder / "forked", AGENT), _code(folder / "loaded", WANTS_CONFIG + AGENT)
            for each in (forked, loaded):
                _first_byte(children, each)
            yield {
                BARE: started,
                FORKED: lambda: _first_byte(children, forked),
                LOADED: lambda: _first_byte(children, loaded),
            }
        finally:
            children.close()


def _code(folder: Path, text: str) -> Code:
    folder.mkdir()
    (folder / "main.py").write_text(text, encoding="utf-8")
    return Code(folder.name, folder)


def _bare(source: Path) -> Wake:
    command = [sys.executable, "-m", "functions_framework", "--target", "agent", "--source", str(source), "--port"]
    with running(command, dict(os.environ), "/") as (_, start):
        return Wake(start.wall, start.processor, _own(start.processes))


def _first_byte(children: Children, code: Code) -> Wake:
    began = time.perf_counter()
    child = children.wake("bench", code, b"{}", Limits(), seconds=SECONDS)
    connection = http.client.HTTPConnection("agent", timeout=SECONDS)
    connection.sock = child.connect()
    connection.request("POST", "/", json.dumps({"id": "1", "text": "hello"}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    wall = (time.perf_counter() - began) * 1000
    response.read()
    connection.close()
    family = [psutil.Process(pid) for pid in process_tree.everywhere(range(child.mark, child.mark + 1))]
    times = [each.cpu_times() for each in family]
    wake = Wake(wall, sum(each.user + each.system for each in times) * 1000, _own(family))
    child.end(0)
    return wake


def _own(family: Iterable[psutil.Process]) -> float:
    return sum(each.memory_full_info().uss for each in family) / 1e6
