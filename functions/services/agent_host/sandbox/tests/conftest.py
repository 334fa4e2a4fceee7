"""Children of a test's own, and agents written in it."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from functions.services.agent_host.sandbox.child import Child
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.exits import Exit
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.log_lines import LogLine

SECONDS = 120
"""More than anything takes on a slow machine."""


@dataclass
class Sandbox:
    folder: Path
    rules: Rules
    logged: list[LogLine] = field(default_factory=list)
    exits: dict[str, Exit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.children = Children(
            self.folder / "children", rules=self.rules, on_log=self.logged.append, on_exit=self.exits.__setitem__
        )

    def code(self, text: str, name: str = "code") -> Code:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "main.py").write_text(dedent(text), encoding="utf-8")
        return Code(f"sha256:{hash(text)}", folder)

    def wake(
        self,
        agent: str | Code,
        *,
        limits: Limits | None = None,
        config: object = None,
        seconds: float = SECONDS,
        key: str = "an agent",
    ) -> Child:
        code = self.code(agent) if isinstance(agent, str) else agent
        context = json.dumps({"config": config or {}}).encode()
        return self.children.wake(key, code, context, limits or Limits(), seconds=seconds)


def ask(child: Child, message: Any = None) -> Any:
    """Send a message and return the answer's JSON."""
    connection = http.client.HTTPConnection("agent", timeout=SECONDS)
    connection.sock = child.connect()
    try:
        connection.request("POST", "/", json.dumps(message), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return json.loads(body)
    finally:
        connection.close()


def ended(child: Child) -> Exit:
    """Return how a child ended, or fail when it goes on."""
    assert child.ends_within(SECONDS), "it goes on"
    return child.wait()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[Rules], Sandbox]]:
    made: list[Sandbox] = []

    def make(rules: Rules) -> Sandbox:
        sandbox = Sandbox(tmp_path, rules)
        made.append(sandbox)
        sandbox.children.start()
        return sandbox

    yield make
    for each in made:
        each.children.close()


@pytest.fixture
def sandbox(make: Callable[[Rules], Sandbox]) -> Sandbox:
    return make(Rules(Egress.NONE))
