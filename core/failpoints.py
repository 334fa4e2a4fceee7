"""Places where a test kills the process, as kill -9 would; off unless the environment names one."""

import os
import signal
from collections import Counter
from functools import cache
from typing import Final

SETTING: Final = "BOTBERI_FAILPOINT"
"""`<name>` or `<name>:<n>`: die at the n-th time that the place is reached."""

_reached: Counter[str] = Counter()


def reach(name: str, times: int = 1) -> None:
    """Die here if the environment says so; `times` is how often the place was passed since the last call."""
    wanted, nth = _wanted()
    if wanted == name:
        _reached[name] += times
        if _reached[name] >= nth:
            os.kill(os.getpid(), signal.SIGKILL)


@cache
def _wanted() -> tuple[str, int]:
    # Looked up once: to ask the environment takes longer than anything else that is done here for each event.
    wanted, _, nth = os.environ.get(SETTING, "").partition(":")
    return wanted, int(nth or 1)
