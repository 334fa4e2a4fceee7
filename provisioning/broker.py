"""RabbitMQ's users and what each may do, as the broker is told of them when it starts."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from events.topology.declaration import PERMISSIONS

VHOST: Final = "botberi"

_TAGS: Final = {"admin": ["administrator"]}
"""Only the part `admin` sees the management page."""


def permissions(vhost: str) -> list[dict[str, str]]:
    """Return the permissions of each user in a vhost."""
    return [
        {"user": user, "vhost": vhost, "configure": configure, "write": write, "read": read}
        for user, (configure, write, read) in PERMISSIONS.items()
    ]


def definitions(passwords: dict[str, str]) -> Mapping[str, object]:
    """Return RabbitMQ's definitions of its users: rights and hashed passwords. `passwords` are by part."""
    # Loaded at every start; with definitions to load, RabbitMQ makes no default user.
    users = [
        {
            "name": f"botberi_{part}",
            "password_hash": _hash(password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": _TAGS.get(part, []),
        }
        for part, password in passwords.items()
    ]
    return {"users": users, "vhosts": [{"name": VHOST}], "permissions": permissions(VHOST)}


def _hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
