"""Who is killed while instances live."""

from typing import Final

WEIGHTS: Final = {
    "agent-host": 4,
    "worker": 4,
    "host": 3,
    "subscribers": 2,
    "dispatcher": 2,
    "relay-shared": 2,
    "relay-user": 1,
    "event_bus": 2,
    "user_redis": 2,
    "shared_psql": 2,
    "user_psql": 1,
}
"""Who is killed, and how often beside the others."""

LAST: Final = ("agent-host", "worker")
"""Who is killed when everybody has asked for everything: they have the most to catch up on."""
