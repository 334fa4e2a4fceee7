"""Fences: what came too late, by the numbers that the instance's row counts.

A call that was sealed before an instance was stopped must not wake it again, and an end that was held up must not end
what was started since. The numbers are needed only as long as a context lives, so few of them are kept.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
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
        """Take note of a call that may wake an agent, or raise StaleError."""
        known = self._touched(context.instance_id)
        if context.row_version < known.ended or (kind == Kind.CALL and context.generation < known.generation):
            raise StaleError
        if kind == Kind.CALL:
            known.generation = context.generation
        known.seen = max(known.seen, context.row_version)

    def end(self, row_versions: Mapping[str, int]) -> set[str]:
        """Take note of instances that are to end, and return those of which later things are known."""
        return {instance_id for instance_id, version in row_versions.items() if not self._ends(instance_id, version)}

    def _ends(self, instance_id: str, row_version: int) -> bool:
        known = self._touched(instance_id)
        if row_version < known.seen:
            return False
        known.seen = known.ended = row_version
        return True

    def _touched(self, instance_id: str) -> _Known:
        self._forget()
        known = self._known.setdefault(instance_id, _Known(0))
        known.touched = time.monotonic()
        self._known.move_to_end(instance_id)
        return known

    def _forget(self) -> None:
        while self._known and next(iter(self._known.values())).touched < time.monotonic() - KEPT_SECONDS:
            self._known.popitem(last=False)
