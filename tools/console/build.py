"""The console: from TypeScript in console/ to the three files that the edge serves, which are committed."""

import gzip
import subprocess
from pathlib import Path
from typing import Final

from provisioning.local_settings import ROOT
from tools.local.servers import binaries

SOURCE: Final = ROOT / "console"
BUILT: Final = ROOT / "deploy" / "nginx" / "console"
PACKAGES: Final = ROOT / "build" / "console" / "node_modules"
"""Where tools/local/bootstrap.sh installs what the lock in deploy/requirements/console says."""

APIS: Final = ("user", "admin", "broker")
SECONDS: Final = 300

NODE: Final = (20, 19)
"""What Vite needs at least."""


class NotBuiltError(Exception):
    """A tool has found something wrong; this is what it said."""


def missing() -> str | None:
    """Return what building lacks on this machine; None where it lacks nothing."""
    node = binaries.installed("node")
    if node is None:
        return "node is not installed"
    told = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    if tuple(int(part) for part in told.strip().removeprefix("v").split(".")[:2]) < NODE:
        return f"node is {told.strip()}, and Vite needs {'.'.join(map(str, NODE))} or newer"
    return None if PACKAGES.is_dir() else "npm could not install the packages"


def describe_apis() -> None:
    """Write the types of the APIs from their OpenAPI documents into console/src/schema, where they are older."""
    _link_packages()
    for api in APIS:
        document, types = ROOT / "deploy" / "openapi" / f"{api}.json", SOURCE / "src" / "schema" / f"{api}.d.ts"
        if not types.exists() or types.stat().st_mtime < document.stat().st_mtime:
            _run("openapi-typescript", str(document), "-o", str(types), "--default-non-nullable=false")


def check_types() -> None:
    """Raise NotBuiltError unless the types of the console fit."""
    _run("tsc", "--noEmit")


def bundle(folder: Path) -> None:
    """Build the console into a folder, whose files are replaced."""
    _link_packages()
    _run("vite", "build", "--logLevel", "error", "--outDir", str(folder), "--emptyOutDir")


def script_bytes(folder: Path) -> int:
    """Return how much script a browser loads, compressed."""
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in folder.glob("*.js"))


def _link_packages() -> None:
    link = SOURCE / "node_modules"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / PACKAGES.relative_to(ROOT))


def _run(tool: str, *arguments: str) -> None:
    command = [str(binaries.find("node")), str((PACKAGES / ".bin" / tool).resolve()), *arguments]
    found = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=SECONDS)
    if found.returncode:
        message = f"{tool}: {found.stdout}{found.stderr}"
        raise NotBuiltError(message)
