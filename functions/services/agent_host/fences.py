"""Fences: what came too late, by the numbers that the instance's row counts.

A call that was sealed before an instance was stopped must not wake it again, and an end that was held up must not end
what was started since. The numbers are needed only as long as a context lives, so few of them are kept.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from functions.domain.instances.contexts import LIFETIME, Context, Kind

KEPT_SECONDS: Final = 10 * LIFETIME


class StaleError(Exception):
    """Later things are known of the instance than the context tells."""


@dataclass
class _Known:
    touched: float
    seen: int = 0
    """The highest version of the row in any context."""
    ended: int = 0
    """That with which the instance was last ended."""
    generation: int = 0
    """The highest that was asked for an answer."""


class Fences:
    """What this host has seen of instances lately."""

    def __init__(self) -> None:
        """Know nothing."""
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def __len__(self) -> int:
        """Return how many instances are known."""
        return len(self._known)

    def pass_(self, kind: Kind, context: Context) -> None:
        """Take note of a call, or raise StaleError. To ask for the status changes nothing and is never stale."""
        if kind == Kind.STATUS:
            return
        self._forget()
        known = self._known.setdefault(context.instance_id, _Known(0))
        known.touched = time.monotonic()
        self._known.move_to_end(context.instance_id)
        if kind == Kind.END:
            if context.row_version < known.seen:
                raise StaleError
            known.ended = context.row_version
        elif context.row_version < known.ended or (kind == Kind.CALL and context.generation < known.generation):
            raise StaleError
        if kind == Kind.CALL:
            known.generation = context.generation
        known.seen = max(known.seen, context.row_version)

    def _forget(self) -> None:
        while self._known and next(iter(self._known.values())).touched < time.monotonic() - KEPT_SECONDS:
            self._known.popitem(last=False)
