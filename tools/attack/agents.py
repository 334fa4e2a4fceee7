"""`make attack`: a hostile agent against the boundary that agents run behind, and against a neighbour.

It needs nothing to be up: it starts the sandbox as an agent host does, and what is to be attacked around it. Prints a
table, and exits with 1 if anything was let through.
"""

import argparse
import http.client
import json
import os
import secrets
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from functions.services.agent_host.sandbox import process_tree
from functions.services.agent_host.sandbox.child import Child
from functions.services.agent_host.sandbox.children import ROOT, Children, Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.exits import ExitCause
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.log_lines import LogLine
from tools.attack.hostile_agent import main as hostile

SECONDS: Final = 120

PAGE: Final = ROOT / "docs" / "security" / "agents.md"
_LIMITS: Final = Limits(memory_bytes=128 << 20, disk_bytes=32 << 20, file_bytes=16 << 20, processes=32)

_SECRET: Final = secrets.token_urlsafe()

NEIGHBOUR: Final = """
def agent(request):
    return {"refused": True, "by": ""}
"""

ENDS: Final = {
    "much_memory": ExitCause.OUT_OF_MEMORY,
    "much_disk": ExitCause.DISK_FULL,
    "deleted_disk": ExitCause.DISK_FULL,
    "leave_processes": ExitCause.EXITED,
}
"""Probes at which the agent itself ends, by how."""


@dataclass(frozen=True)
class Outcome:
    """What came of a probe."""

    name: str
    refused: bool
    by: str


class Attack:
    """A hostile agent, its neighbour, and what else there is to be attacked."""

    def __init__(self, folder: Path, *, bounded: bool = True) -> None:
        """Have everything under `folder`. Without `bounded` probes do what they try: name harmless ones."""
        self.folder = folder
        self.logged: list[LogLine] = []
        self.children = Children(
            folder / "children",
            rules=Rules(Egress.PUBLIC, bounded=bounded),
            on_log=self.logged.append,
            on_exit=lambda *_: None,
        )
        self.code = Code("hostile", _copied(Path(hostile.__file__), folder / "hostile"))
        self.secret = folder / "secrets" / "key"

    def outcomes(self, names: Iterable[str]) -> Iterator[Outcome]:
        """Make the probes, one after the other."""
        self.children.start()
        with self._targets() as target:
            try:
                neighbour = self._neighbour(target)
                agent: Child | None = None
                for name in names:
                    agent = agent if agent is not None and agent.exit is None else self._hostile()
                    yield self._judged(name, agent, target)
                    if not _answers(neighbour):
                        yield Outcome(name, refused=False, by="the neighbour doesn't answer any more")
                        neighbour = self._neighbour(target)
            finally:
                self.children.close()

    def _hostile(self) -> Child:
        return self.children.wake("hostile", self.code, b"{}", _LIMITS, seconds=SECONDS)

    def _neighbour(self, target: hostile.Target) -> Child:
        source = self.folder / "neighbour" / "main.py"
        source.parent.mkdir(exist_ok=True)
        source.write_text(NEIGHBOUR, encoding="utf-8")
        context = json.dumps({"config": {"secret": _SECRET}}).encode()
        code = Code("neighbour", source.parent)
        found = self.children.wake("neighbour", code, context, Limits(), seconds=SECONDS)
        target["neighbour"] = str(found.home)
        target["neighbour_pid"] = process_tree.everywhere(range(found.mark, found.mark + 1))[0]
        return found

    def _judged(self, name: str, agent: Child, target: hostile.Target) -> Outcome:
        try:
            answer: hostile.Outcome = ask(agent, {"probe": name, "target": target})
        except OSError:
            ended = agent.wait()
            left = process_tree.everywhere(range(agent.mark, agent.mark + 1))
            refused = not left and ended.cause is ENDS.get(name)
            return Outcome(
                name, refused, f"ended: {ended.cause}" + (f", {len(left)} processes are left" if left else "")
            )
        if name == "flood":
            kept = sum(len(line.text) for line in self.logged if line.stream == "stdout")
            return Outcome(name, kept < 1 << 20, f"{kept} bytes were kept")
        changed = not self.secret.exists() or self.secret.read_text(encoding="utf-8") != _SECRET
        return Outcome(name, answer["refused"] and not changed, "the secret was changed" if changed else answer["by"])

    @contextmanager
    def _targets(self) -> Iterator[hostile.Target]:
        self.secret.parent.mkdir(mode=0o755)
        self.secret.write_text(_SECRET, encoding="utf-8")
        with ExitStack() as stack:
            listening = stack.enter_context(socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True))
            unix = stack.enter_context(socket.socket(socket.AF_UNIX))
            unix.bind(str(self.folder / "socket"))
            unix.listen()
            abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
            abstract.bind(f"\0botberi-attack-{os.getpid()}")
            abstract.listen()
            spawner = self.children.spawner
            if spawner is None:
                raise RuntimeError("the process that agents are forked from has ended")
            yield {
                "secret": str(self.secret),
                "platform": str(ROOT),
                "host": os.getpid(),
                "spawner": spawner,
                "port": int(listening.getsockname()[1]),
                "own_address": _own_address(),
                "unix": str(self.folder / "socket"),
                "abstract": f"botberi-attack-{os.getpid()}",
                "file_bytes": _LIMITS.file_bytes,
            }


def _answers(child: Child) -> bool:
    try:
        return ask(child, {"probe": "", "target": {}})["refused"]
    except OSError:
        return False


def _copied(source: Path, into: Path) -> Path:
    into.mkdir()
    (into / "main.py").write_bytes(source.read_bytes())
    return into


def _own_address() -> str:
    """Return an address of this machine, the loopback one where there is no other."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


def ask(child: Child, message: object) -> hostile.Outcome:
    """Return an agent's answer. Raises OSError when it ends instead."""
    connection = http.client.HTTPConnection("agent", timeout=SECONDS)
    connection.sock = child.connect()
    try:
        connection.request("POST", "/", json.dumps(message), {"Content-Type": "application/json"})
        answer: hostile.Outcome = json.loads(connection.getresponse().read())
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from None
    finally:
        connection.close()
    return answer


def table() -> str:
    """Return the table of probes that the page about agents' security has."""
    rows = ["| what is tried | what it is |", "| --- | --- |"]
    rows += [f"| {kind} | {title} |" for kind, title in hostile.TITLES.values()]
    return "\n".join(rows) + "\n"


def report(outcomes: Sequence[Outcome]) -> int:
    """Print the table of outcomes, and return how the program exits."""
    made = Counter(hostile.TITLES[each.name][0] for each in outcomes)
    through = [each for each in outcomes if not each.refused]
    passed = Counter(hostile.TITLES[each.name][0] for each in through)
    lines = [f"{'what is tried':13}  probes  let through"]
    lines += [f"{kind:13}  {count:6}  {passed[kind]:11}" for kind, count in made.items()]
    lines.append(f"{'all':13}  {len(outcomes):6}  {len(through):11}")
    lines += [f"let through: {hostile.TITLES[each.name][1]} ({each.name}): {each.by}" for each in through]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if through else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Attack, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="attack", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="say of each probe what came of it")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = []
        for each in Attack(Path(folder)).outcomes(hostile.PROBES):
            outcomes.append(each)
            if told.verbose:
                sys.stdout.write(f"{each.name:28} {'refused' if each.refused else 'let through':12} {each.by}\n")
                sys.stdout.flush()
    sys.exit(report(outcomes))


if __name__ == "__main__":
    main()
