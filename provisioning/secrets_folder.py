"""The secrets of a local run: generated once, kept in files that only their owner can read."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.configuration import OBJECT_STORE_KEY
from events import signing
from events.topology.declaration import PERMISSIONS
from functions.domain import encryption, signed_links
from functions.domain.a2a import card_keys
from functions.domain.accounts import keys, openid, totp
from functions.domain.instances import config_secrets, contexts, log_batches, memory_tokens
from functions.domain.mail import transport
from functions.runtime import redis_users
from migrations.databases import DATABASES, ROLES

EVENT_BUS_SERVICES: Final = tuple(user.removeprefix("botberi_") for user in PERMISSIONS)
"""RabbitMQ's users are `botberi_<part>`."""

KEYS: Final[dict[str, Callable[[], str]]] = {
    signing.KEYS_NAME: signing.new_key,
    contexts.KEYS_NAME: encryption.new_key,
    log_batches.KEYS_NAME: signing.new_key,
    memory_tokens.KEYS_NAME: encryption.new_key,
    signed_links.KEYS_NAME: encryption.new_key,
    config_secrets.KEYS_NAME: encryption.new_key,
    card_keys.NAME: encryption.new_key,
    totp.KEYS_NAME: encryption.new_key,
}
"""Secrets that have keys, one a line, with what makes one."""

_OTHERS: Final = ("psql-superuser", *redis_users.SECRETS, "flower")


def of_roles() -> list[str]:
    """Return the names of the passwords of the databases' roles."""
    return [f"{database}-{role}".replace("_", "-") for database in DATABASES for role in ROLES]


def names() -> list[str]:
    """Return the names of all passwords."""
    return [*of_roles(), *(f"event-bus-{part}" for part in EVENT_BUS_SERVICES), *_OTHERS]


def fill(folder: Path) -> None:
    """Generate the secrets that `folder` doesn't hold yet."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in names():
        if not (folder / name).exists():
            write(folder / name, secrets.token_urlsafe(24))
    for name, new_key in KEYS.items():
        if not (folder / name).exists():
            write(folder / name, new_key() + "\n")
    if not (folder / keys.PRIVATE).exists():
        keys.generate(folder)
    if not (folder / OBJECT_STORE_KEY).exists():
        # What LocalStack knows; a store of your own has a key of its own.
        write(folder / OBJECT_STORE_KEY, "test test\n")
    if not (folder / transport.LOGIN).exists():
        # Not empty, which faas-cli takes for no secret.
        write(folder / transport.LOGIN, ":\n")
    if not (folder / openid.SECRETS).exists():
        write(folder / openid.SECRETS, openid.NO_SECRETS)


def write(file: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text)
