"""Run the services of a test session for as long as somebody takes part: `python -m testing.guard DIR`.

Its parent holds the session's lock while it starts this process.
"""

import fcntl
import json
import os
import shutil
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from provisioning import local_settings
from testing.session import READY, TAKING_PART
from tools.local import databases, orphans
from tools.local.ports import free
from tools.local.servers import services
from tools.local.wait import until


def main() -> None:
    """Start, say so, wait until everybody has gone, end everything."""
    folder = Path(sys.argv[1])
    _note("starting")
    with (folder / TAKING_PART).open("a") as lock, services.running(folder, ports := free(), durable=False):
        _note("migrating")
        os.environ.update(local_settings.environment(folder, ports))
        databases.prepare()
        _note("ready")
        (folder / "ready.tmp").write_text(json.dumps(asdict(ports)))
        (folder / "ready.tmp").rename(folder / READY)
        while not until(lambda: _has(lock.fileno()), seconds=60, pause=0.25):
            pass
        # Nobody will miss the data: no time for a kind end. The lock stays held until the folder is gone.
        orphans.end(folder, seconds=2)
        shutil.rmtree(folder, ignore_errors=True)


def _note(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


def _has(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main()
