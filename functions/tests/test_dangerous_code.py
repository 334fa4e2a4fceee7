"""Where our code does what is dangerous with other people's words: nowhere but in places that are named here."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.tests.test_house_rules import sources

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "shared_psql_models", "events", "functions", "migrations", "provisioning", "cli")

RULES = {
    "SQL that is pieced together": ["S608"],
    "a shell": ["S602", "S604", "S605", "S606"],
    "text that is run, or objects that are made of it": ["S102", "S301", "S302", "S307", "S506"],
    "XML": ["S313", "S314", "S315", "S316", "S317", "S318", "S319"],
    "chance that can be guessed": ["S311"],
    "hashes that are broken": ["S303", "S324"],
    "certificates and hosts that nobody checks": ["S501", "S502", "S503", "S504", "S505"],
    "templates that don't escape": ["S701", "S702"],
}

KNOWN = {
    # How long to wait before another attempt.
    ("core/jitter.py", "S311"),
    # Of constants of the module; values are parameters.
    ("functions/domain/audit/listing.py", "S608"),
    ("functions/domain/audit/reading.py", "S608"),
    ("functions/domain/audit/receipts.py", "S608"),
    ("functions/domain/event_path/dead_letters.py", "S608"),
    ("functions/domain/event_path/resolving.py", "S608"),
    # Becomes the installer, without a shell, behind its boundary.
    ("functions/services/agent_host/code_cache/confined.py", "S606"),
}

CIPHERS = {"AESGCM", "Ed25519PrivateKey"}
"""What is imported from the primitives of `cryptography`."""

HASHES = {"sha256"}


def found(rules: list[str]) -> set[tuple[str, str]]:
    """Return the files where ruff finds what these rules are about, with the rule, whatever a comment says."""
    files = [str(file.relative_to(ROOT)) for file in sources(*ROOMS) if "versions" not in file.parts]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore-noqa", "--output-format=json"]
    told = subprocess.run(
        [*command, f"--select={','.join(rules)}", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode in {0, 1}, told.stderr
    return {(str(Path(each["filename"]).relative_to(ROOT)), each["code"]) for each in json.loads(told.stdout)}


@pytest.mark.parametrize("kind", RULES)
def test_these_places_and_no_others_have_it(kind: str) -> None:
    assert found(RULES[kind]) == {(file, rule) for file, rule in KNOWN if rule in RULES[kind]}


def used(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the primitives and the hashes that a file uses, each with its package."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith("cryptography.hazmat.primitives"):
                yield from (("cryptography", name.name) for name in node.names)
            case ast.ImportFrom(module="hashlib"):
                yield from (("hashlib", name.name) for name in node.names)
            case ast.Attribute(value=ast.Name(id="hashlib"), attr=name):
                yield ("hashlib", name)
            case _:
                pass


def test_these_ciphers_and_hashes_and_no_others_are_used() -> None:
    everywhere = {each for file in sources(*ROOMS) for each in used(file)}
    assert {name for package, name in everywhere if package == "cryptography"} == CIPHERS
    assert {name for package, name in everywhere if package == "hashlib"} == HASHES
