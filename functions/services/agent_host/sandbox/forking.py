"""From a fork to a process that has nothing of its parent's but what it is given."""

import atexit
import fcntl
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NoReturn

STANDARD: Final = (1, 2)
"""stdout and stderr."""

DOOR: Final = 3
CONTROL: Final = 4
_FREE: Final = 5
"""The first number that isn't given."""

_ABOVE: Final = 64
"""Numbers from here on are none of those above."""

_MOST: Final = 1 << 20


def fork(files: Sequence[int], run: Callable[[], None]) -> int:
    """Fork, and return the new process' id. In it, `run` is called, and it ends with the status that a program would.

    `files` are its stdout, stderr, the door and the control channel, in this order; it inherits no others.
    """
    # A collection in between would write to pages that both share.
    gc.disable()
    pid = os.fork()
    gc.enable()
    if not pid:
        _leave(_become(files, run))
    return pid


def _become(files: Sequence[int], run: Callable[[], None]) -> Callable[[], None]:
    def become() -> None:
        _keep(files)
        signal.set_wakeup_fd(-1)
        for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(each, signal.SIG_IGN if each is signal.SIGPIPE else signal.SIG_DFL)
        os.setsid()
        run()

    return become


def _keep(files: Sequence[int]) -> None:
    # First away from the numbers that they are to have: one may sit on another's.
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for each in files]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for target, each in zip((*STANDARD, DOOR, CONTROL), moved, strict=True):
        # A program that it starts has these, and no others.
        os.dup2(each, target, inheritable=target in STANDARD)
    os.closerange(_FREE, _MOST)


def _leave(run: Callable[[], None]) -> NoReturn:
    """Call `run` and end as Python does: this process must not go on with what its parent was about to do."""
    status = 1
    try:
        run()
        status = 0
    except SystemExit as error:
        status = _status(error)
    except BaseException:  # noqa: BLE001 - it ends here
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()  # noqa: SLF001 - what Python does at its end, which is not reached
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1
