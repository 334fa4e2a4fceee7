"""How long things may take, in seconds."""

from typing import Final

from shared_psql_models.statuses import Status

DEADLINES: Final = {
    Status.PENDING: 60,
    Status.PROVISIONING: 300,
    Status.STARTING: 30,
    Status.UPDATING: 300,
    Status.STOPPING: 30,
    Status.DELETING: 60,
}
"""When a transient status is acted upon; shown to the owner as `deadline_at`."""

LIMIT: Final = 5
"""Starts that may fail one after another."""

AGAIN: Final = 2
"""How soon a step is tried again that no agent host has taken."""

START: Final = 20
"""How long an agent may take from its start to its first answer."""

INSTALL: Final = 240
"""How long the code of a version may take to be put in place, with its requirements."""

GRACE: Final = 5
"""How long an agent may take to finish when it is to end."""

SETTLED: Final = 30 * 24 * 60 * 60
"""When an instance that rests is looked at again: hardly ever, as whoever wants something of it says so. Of a hundred
thousand that is one in half a minute."""

OFFERED: Final = 20
"""The sweep offers the same instance to the workers at most this often."""


def back_off(attempts: int) -> int:
    """Return how long to wait after the start that failed as the `attempts`-th one after another: 1, 2, 4, 8."""
    return 1 << max(0, attempts - 1)
