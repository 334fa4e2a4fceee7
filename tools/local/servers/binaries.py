"""Where programs are, whatever their version and whatever the PATH: what is found here is what is started.

An ordinary user of Debian has no /usr/sbin on the PATH, where nginx and others are. As a program,
`python -m tools.local.servers.binaries PURPOSE` prints the packages missing for it, one a line; it needs nothing
but Python itself.
"""

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.local.errors import LocalError

PACKAGES: Final = {
    "postgres": "postgresql",
    "initdb": "postgresql",
    "pg_dump": "postgresql",
    "pgbench": "postgresql",
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "rabbitmqctl": "rabbitmq-server",
    "epmd": "rabbitmq-server",
    "nginx": "nginx",
    "setpriv": "util-linux",
    "wrk": "wrk",
    "pgbouncer": "pgbouncer",
    "curl": "curl",
    "git": "git",
    "ip": "iproute2",
    "iptables": "iptables",
    "node": "nodejs",
    "npm": "npm",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
"""The package of Debian and Ubuntu that each program comes with."""

_RUN: Final = ("postgres", "initdb", "pg_dump", "redis-server", "rabbitmq-server", "epmd", "nginx", "setpriv")

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "python": (),
    "run": _RUN,
    "test": (*_RUN, "rabbitmqctl", "pgbouncer", "git", "curl", "node", "npm", "chromium", "chromedriver"),
    "chaos": (*_RUN, "rabbitmqctl", "ip", "iptables"),
    "bench": (*_RUN, "pgbench", "wrk", "git"),
    "audit": ("git", "nginx"),
    "conformance": (*_RUN, "node", "npm"),
    "console": ("node", "npm"),
    "lock": ("npm",),
}
"""What each target of the Makefile starts, by the purpose that it tells tools/local/bootstrap.sh."""

_OFF_THE_PATH: Final = (
    "/usr/lib/postgresql/*/bin",
    # Not /usr/sbin/rabbitmq-server: that wrapper wants to be root or rabbitmq, and takes the system's own settings.
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
)
"""Folders of servers that are looked into first."""

_OF_ADMINISTRATORS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Folders that are looked into last, because not everybody has them on the PATH."""

# Ubuntu has Chromium only as a snap: there the browser's test is skipped.
_DEBIAN_ALONE: Final = frozenset({"chromium", "chromedriver"})


def find(name: str) -> Path:
    """Return the newest program of that name; raises LocalError naming the package when there is none."""
    found = installed(name)
    if found is None:
        remedy = f": apt-get install {PACKAGES[name]}" if name in PACKAGES else ""
        message = f"{name} is not installed{remedy}"
        raise LocalError(message)
    return found


def installed(name: str) -> Path | None:
    """Return the newest program of that name, or None when there is none."""
    found = [
        path for each in _OFF_THE_PATH for path in Path("/").glob(f"{each[1:]}/{name}") if os.access(path, os.X_OK)
    ]
    if found:
        return max(found, key=_version)
    elsewhere = shutil.which(name, path=os.pathsep.join((_path(), *_OF_ADMINISTRATORS)))
    return Path(elsewhere) if elsewhere else None


def path_to(name: str) -> str:
    """Return a PATH on which a script that starts a program by its name gets the one that `find` returns."""
    return os.pathsep.join((str(find(name).parent), _path()))


def missing(purpose: str) -> list[str]:
    """Return the packages, in order and each once, of the programs that are missing for a purpose."""
    to_be_had = (name for name in NEEDED[purpose] if name not in _DEBIAN_ALONE or _is_debian())
    return list(dict.fromkeys(PACKAGES[name] for name in to_be_had if installed(name) is None))


def _path() -> str:
    return os.environ.get("PATH", os.defpath)


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release()["ID"] == "debian"
    except OSError:
        return False


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def main() -> None:
    """Print the packages that are missing."""
    parser = argparse.ArgumentParser(prog="binaries", description=__doc__)
    parser.add_argument("purpose", choices=NEEDED)
    sys.stdout.writelines(f"{package}\n" for package in missing(parser.parse_args().purpose))


if __name__ == "__main__":
    main()
