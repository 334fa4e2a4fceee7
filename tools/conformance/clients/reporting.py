"""What the programs that use a client tell of their checks, line by line, and how it is read by who has started them.

Nothing but Python itself is needed, as each program runs where its client is installed and Botberi isn't.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NotRequired, TypedDict


class Check(TypedDict):
    """A check, and whether it passed."""

    check: str
    passed: bool
    why: NotRequired[str]
    """What was wrong, where that is known."""


@contextmanager
def checked(name: str) -> Iterator[None]:
    """Write whether the block went through. One that did not is a failed check, and the next is made all the same."""
    told = Check(check=name, passed=True)
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        told = Check(check=name, passed=False, why=f"{type(error).__name__}: {error}"[:500])
    sys.stdout.write(json.dumps(told) + "\n")


def read(text: str) -> list[Check]:
    """Return the checks among what a program has written."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
