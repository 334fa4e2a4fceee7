"""What a target needs is looked for before it starts, and what was found is what is started."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.local_settings import ROOT, Ports
from tools.local import processes
from tools.local.servers import binaries

OURS = ("core", "events", "functions", "migrations", "provisioning", "cli", "tools", "testing", "shared_psql_models")

ORDINARY_PATH = "/usr/local/bin:/usr/bin:/bin"
"""An ordinary user's in Debian."""

LOOKS_FIRST = re.compile(r"@tools/local/bootstrap\.sh ([a-z]+)$|@\$\(ENGINE\)$")

NEEDS_PYTHON_ALONE = {"help", "reset"}

PURPOSE_OF = {"tools/local": "run", "tools/chaos": "chaos", "tools/bench/events": "bench"}


def targets() -> dict[str, list[str]]:
    """Return the lines of every target of the Makefile."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "Makefile").read_text().splitlines():
        if target := re.match(r"([a-z-]+):", line):
            found[target[1]] = []
        elif line.startswith("\t"):
            found[list(found)[-1]].append(line.strip())
    return found


def looked_for(*folders: str) -> Iterator[tuple[Path, str]]:
    """Yield every program that a file of ours looks for by its name."""
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="find") | ast.Attribute(attr="find"), args=[ast.Constant(value=str(name))]
                ):
                    if name in binaries.PACKAGES:
                        yield file, name


@pytest.mark.parametrize("target", sorted(targets().keys() - NEEDS_PYTHON_ALONE))
def test_a_target_looks_for_what_it_needs_before_it_does_anything(target: str) -> None:
    found = LOOKS_FIRST.match(targets()[target][0])
    assert found, f"{target} begins with {targets()[target][0]}"
    assert found[1] in {*binaries.NEEDED, None}


def test_every_purpose_belongs_to_a_target() -> None:
    lines = [line for lines in targets().values() for line in lines]
    asked = {found[1] for line in lines if (found := LOOKS_FIRST.match(line)) and found[1]}
    assert asked == binaries.NEEDED.keys()


@pytest.mark.parametrize(("folder", "purpose"), PURPOSE_OF.items())
def test_what_a_folder_starts_is_among_what_its_targets_need(folder: str, purpose: str) -> None:
    names = {name for file, name in looked_for(folder) if "tests" not in file.parts and "testing" not in file.parts}
    assert names
    assert names <= set(binaries.NEEDED[purpose])


def test_what_the_tests_start_is_among_what_they_need() -> None:
    names = {name for file, name in looked_for(*OURS) if "tests" in file.parts}
    assert names
    assert names <= set(binaries.NEEDED["test"])


def test_on_a_new_machine_every_package_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed", lambda _: None)
    assert binaries.missing("bench") == [
        "postgresql",
        "redis-server",
        "rabbitmq-server",
        "nginx",
        "util-linux",
        "wrk",
        "git",
    ]
    assert binaries.missing("python") == []


def test_there_is_one_way_to_find_a_program() -> None:
    files = (file for folder in OURS for file in (ROOT / folder).rglob("*.py"))
    others = [
        file for file in files if "shutil.which" in file.read_text() and file.stem not in {"binaries", "test_binaries"}
    ]
    assert others == []


def test_the_edge_starts_with_the_path_of_an_ordinary_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ORDINARY_PATH)
    command = [*processes.watchers(tmp_path, Ports())["edge"], "-t"]
    told = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_the_tests_themselves_have_the_path_of_an_ordinary_user() -> None:
    assert [folder for folder in os.environ["PATH"].split(os.pathsep) if folder.endswith("sbin")] == []
