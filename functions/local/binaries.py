"""Where the distribution keeps the servers: found by name, whatever their version."""

import re
import shutil
from pathlib import Path
from typing import Final

from functions.local.errors import LocalError

PACKAGES: Final = {
    "postgres": "postgresql",
    "initdb": "postgresql",
    "pgbench": "postgresql",
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "epmd": "rabbitmq-server",
    "nginx": "nginx",
    "setpriv": "util-linux",
    "wrk": "wrk",
    "pgbouncer": "pgbouncer",
}
"""The package of Debian and Ubuntu that each program comes with."""

_FOLDERS: Final = (
    "/usr/lib/postgresql/*/bin",
    # Not /usr/sbin/rabbitmq-server: that wrapper wants to be root or rabbitmq, and takes the system's own settings.
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/usr/sbin",
    "/usr/bin",
)


def find(name: str) -> Path:
    """Return the newest program of that name; raises LocalError naming the package when there is none."""
    for pattern in _FOLDERS:
        found = [path / name for path in Path("/").glob(pattern[1:]) if (path / name).is_file()]
        if found:
            return max(found, key=_version)
    elsewhere = shutil.which(name)
    if elsewhere is None:
        message = f"{name} is not installed: apt-get install {PACKAGES[name]}"
        raise LocalError(message)
    return Path(elsewhere)


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]
