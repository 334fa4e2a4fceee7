"""`make bench-wake`: how long a sleeping agent takes to its first byte, beside a bare functions-framework process.

The cases take turns, so that other load on the machine weighs on all of them alike. `--runs` says how often (20 without
it).
"""

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import psutil

from functions.services.agent_host.sandbox import process_tree
from functions.services.agent_host.sandbox.children import Child, Children, Code, Rules
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

Case = Callable[[], tuple[float, float]]
"""Wakes once, and returns the milliseconds to the first byte and the MB that are the process' own then."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="bench-wake", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="default: %(default)s")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, _cases(Path(folder)) as cases:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for _ in range(runs):
            for name, case in cases.items():
                found[name].append(case())
    bare = median(wall for wall, _ in next(iter(found.values())))
    lines = [
        "| case | min ms | p50 ms | p95 ms | p50 ÷ bare | MB of its own |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, outcomes in found.items():
        walls, memory = [wall for wall, _ in outcomes], median(own for _, own in outcomes)
        p95 = quantiles(walls, n=20)[-1]
        share = f"1/{bare / median(walls):.1f}"
        lines.append(f"| {name} | {min(walls):.1f} | {median(walls):.1f} | {p95:.1f} | {share} | {memory:.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")


@contextmanager
def _cases(folder: Path) -> Iterator[dict[str, Case]]:
    children = Children(folder / "children", rules=Rules(Egress.PUBLIC), on_log=lambda _: None, on_exit=lambda *_: None)
    children.start()
    forked, loaded = _code(folder / "forked", AGENT), _code(folder / "loaded", WANTS_CONFIG + AGENT)
    for each in (forked, loaded):
        _first_byte(children, each)
    try:
        yield {
            "bare functions-framework": lambda: _bare(forked.folder / "main.py"),
            "forked from the version's zygote": lambda: _first_byte(children, forked),
            "loaded by the child": lambda: _first_byte(children, loaded),
        }
    finally:
        children.close()


def _code(folder: Path, text: str) -> Code:
    folder.mkdir()
    (folder / "main.py").write_text(text, encoding="utf-8")
    return Code(folder.name, folder)


def _bare(source: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "functions_framework", "--target", "agent", "--source", str(source), "--port"]
    with running(command, dict(os.environ), "/") as (_, start):
        return start.wall, sum(psutil.Process(each.pid).memory_full_info().uss for each in start.processes) / 1e6


def _first_byte(children: Children, code: Code) -> tuple[float, float]:
    began = time.perf_counter()
    child = children.wake("bench", code, b"{}", Limits(), seconds=SECONDS)
    connection = http.client.HTTPConnection("agent", timeout=SECONDS)
    connection.sock = child.connect()
    connection.request("POST", "/", json.dumps({"id": "1", "text": "hello"}), {"Content-Type": "application/json"})
    response = connection.getresponse()
    wall = (time.perf_counter() - began) * 1000
    response.read()
    connection.close()
    own = _own(child)
    child.end(0)
    return wall, own


def _own(child: Child) -> float:
    pids = process_tree.everywhere(range(child.mark, child.mark + 1))
    return sum(psutil.Process(pid).memory_full_info().uss for pid in pids) / 1e6


if __name__ == "__main__":
    main()
