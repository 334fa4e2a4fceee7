"""What git remembers of the catalog, where this is a checkout that remembers all of it."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from events.contracts import ledger
from events.contracts.compatibility import shape
from tools.documents import Document
from tools.local.servers import binaries

SCHEMAS: Final = "events/catalog/schemas"

_CHANGE: Final = re.compile(rb"^:+[0-7 ]+ (?:[0-9a-f]+ )+[A-Z]+\t(.+)$")


class NoHistoryError(Exception):
    """There is no history, or not all of it; the message says which."""


def git(root: Path, *arguments: str) -> bytes:
    """Run git in a folder, or raise NoHistoryError."""
    # A hook of git would have this find the repository that the hook is of.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    program = binaries.installed("git")
    if program is None:
        raise NoHistoryError("git is not installed")
    run = subprocess.run([program, "-C", str(root), *arguments], env=environment, capture_output=True, check=False)
    if run.returncode:
        raise NoHistoryError(run.stderr.decode(errors="replace").strip())
    return run.stdout


def versions(root: Path, folder: str) -> Iterator[tuple[str, Any]]:
    """Yield stem and content of every file that any commit ever wrote into a folder, or raise NoHistoryError."""
    if Path(git(root, "rev-parse", "--show-toplevel").decode().strip()).resolve() != root.resolve():
        raise NoHistoryError("the folder is in a repository of something else")
    if git(root, "rev-parse", "--is-shallow-repository").strip() != b"false":
        raise NoHistoryError("the clone is shallow: git fetch --unshallow")
    log = git(root, "log", "--format=", "--raw", "--no-abbrev", "--no-renames", "-m", "--", folder)
    found = {
        (line.split(b"\t")[0].split()[-2], line.split(b"\t")[1]) for line in log.splitlines() if _CHANGE.match(line)
    }
    for blob, path in sorted(each for each in found if set(each[0]) != {ord("0")}):
        yield Path(path.decode()).stem, json.loads(git(root, "cat-file", "blob", blob.decode()))


def _continued(before: list[Document], now: list[Document]) -> bool:
    # Until nothing had been released, entries also named the digest of those before them.
    return now[: len(before)] == [{name: each[name] for name in each if name != "after"} for each in before]


def forgotten(root: Path) -> list[str]:
    """Return the types of which a schema or an entry was committed that the ledgers below `root` don't have."""
    released = ledger.read(root / ledger.FOLDER)
    schemas = {
        name
        for name, schema in versions(root, SCHEMAS)
        if shape(schema) not in [each["shape"] for each in released.get(name, [])]
    }
    entries = {
        name for name, before in versions(root, str(ledger.FOLDER)) if not _continued(before, released.get(name, []))
    }
    return sorted(schemas | entries)
