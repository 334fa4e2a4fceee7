"""deploy/subscriptions.json: which function hears which events, for the topology and the dispatcher."""

import json
from collections.abc import Sequence

from functions.runtime.declarations import Declaration


def subscriptions(declarations: Sequence[Declaration], *, delivered: bool = True) -> str:
    """Return the file: one entry for each subscriber, by name.

    `types` are routing keys on the exchange of events, `#` for all; `concurrency` is how many subjects are handled at
    a time: none where the dispatcher is not who delivers. It emits the events of a `schedule` in any case.
    """
    entries = [
        {
            "function": each.deployment,
            "queue": f"botberi.{each.deployment}",
            "types": list(each.event_types),
            "timeout_seconds": each.needs.timeout_seconds,
            "concurrency": each.needs.concurrency if delivered else 0,
            **({"schedule": each.schedule, "timezone": each.timezone} if each.schedule else {}),
        }
        for each in declarations
        if each.surface == "subscribers"
    ]
    return json.dumps(entries, indent=2) + "\n"
