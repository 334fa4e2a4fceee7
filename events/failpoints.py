"""Places where a test kills the process, as kill -9 would; off unless the environment names one."""

import os
import signal
from collections import Counter
from typing import Final

SETTING: Final = "BOTBERI_FAILPOINT"
"""`<name>` or `<name>:<n>`: die at the n-th time that the place is reached."""

_reached: Counter[str] = Counter()


def reach(name: str, times: int = 1) -> None:
    """Die here if the environment says so; `times` is how often the place was passed since the last call."""
    wanted, _, nth = os.environ.get(SETTING, "").partition(":")
    if wanted == name:
        _reached[name] += times
        if _reached[name] >= int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)
