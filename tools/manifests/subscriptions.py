"""deploy/subscriptions.json: which function receives which events, for the topology and the dispatcher."""

import json
from collections.abc import Sequence
from typing import Final

from functions.runtime.declarations import Declaration
from functions.runtime.providers.event import EventBatch

COLD_START: Final = 20
"""Seconds that a call may wait for a container, beyond the function's own time limit."""

BATCH: Final = 100
"""Events that one call may bring to a function that takes batches."""


def subscriptions(declarations: Sequence[Declaration]) -> str:
    """Return the file: one entry for each subscriber, by name.

    `types` are routing keys on the exchange of events, `#` for all; `concurrency` is how many subjects are handled at
    a time, and `batch` how many events one call may bring. The time limit of a function that may be scaled to zero has
    room for the start of its container.
    """
    entries = [
        {
            "function": each.deployment,
            "queue": f"botberi.{each.deployment}",
            "types": list(each.event_types),
            "timeout_seconds": each.resources.timeout_seconds + (0 if each.resources.min_scale else COLD_START),
            "concurrency": each.resources.concurrency,
            **({"batch": BATCH} if each.parameter(EventBatch) else {}),
            **({"schedule": each.schedule, "timezone": each.timezone} if each.schedule else {}),
        }
        for each in declarations
        if each.event_types
    ]
    return json.dumps(entries, indent=2) + "\n"
