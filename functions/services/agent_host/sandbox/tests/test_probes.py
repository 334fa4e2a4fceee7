"""A host tries its own boundary before it starts an agent."""

import json
from pathlib import Path

import pytest

from functions.services.agent_host.sandbox import probes
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.exits import BoundaryNotHeld
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.probing.main import PROBES


def children(folder: Path, *, bounded: bool = True, egress: Egress = Egress.NONE) -> Children:
    return Children(folder, rules=Rules(egress, bounded=bounded), on_log=lambda _: None, on_exit=lambda *_: None)


@pytest.mark.parametrize("egress", Egress)
def test_a_host_whose_boundary_holds_starts(tmp_path: Path, egress: Egress) -> None:
    started = children(tmp_path / "children", egress=egress)
    started.start()
    started.close()


def test_without_a_boundary_every_probe_gets_through_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes((probes.AGENT / "main.py").read_bytes())
    unbounded = children(tmp_path / "children", bounded=False)
    unbounded.start()
    child = unbounded.wake("probes", Code("a copy", tmp_path), json.dumps({}).encode(), Limits(), seconds=120)
    with pytest.raises(BoundaryNotHeld) as caught:
        probes.check(child.connect, Egress.NONE)
    unbounded.close()
    assert [probe.__name__ for probe in PROBES if probe.__name__ not in str(caught.value)] == []
