"""One run at a time on a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.local.errors import LocalError


@contextmanager
def exclusive(run: Path) -> Iterator[None]:
    """Hold the folder `run` for this process alone; raises LocalError when another holds it."""
    run.mkdir(mode=0o700, exist_ok=True)
    with (run / "running.lock").open("a") as file:
        try:
            # Of this kind, and not flock: children that outlive a runner which was killed must not hold it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            message = "`make run` is up already in another terminal: stop it there with Ctrl-C"
            raise LocalError(message) from None
        yield
