"""How long things may take, in seconds."""

from typing import Final

from shared_psql_models.statuses import Status

DEADLINES: Final = {
    Status.PENDING: 60,
    Status.PROVISIONING: 60,
    Status.STARTING: 30,
    Status.UPDATING: 60,
    Status.STOPPING: 30,
    Status.DELETING: 60,
}
"""When a transient status is acted upon; shown to the owner as `deadline_at`."""

LIMIT: Final = 5
"""Starts that may fail one after another."""

OBSERVE: Final = 5
"""How often a running instance is looked at, at most: the sweep comes by every ten."""

STABLE: Final = 60
"""An instance that ran this long starts with a clean slate when it ends."""

UNRESPONSIVE: Final = 30
"""A running agent that doesn't answer for this long is started anew."""

SETTLED: Final = 24 * 60 * 60
"""When an instance that rests is looked at again, in case something of it was left running."""

OFFERED: Final = 20
"""The sweep offers the same instance to the workers at most this often."""


def back_off(attempts: int) -> int:
    """Return how long to wait after the start that failed as the `attempts`-th one after another: 1, 2, 4, 8."""
    return 1 << max(0, attempts - 1)
