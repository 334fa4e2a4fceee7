"""Secrets for containers: what `botberi secrets` does, and compose's service, with ENVIRONMENT and VOLUMES.

The files of `ENVIRONMENT/secrets` are the truth; what is missing there is generated, and belongs to whoever owns
ENVIRONMENT. Each is then copied into a volume of its own, `VOLUMES/<name>/<name>`, which is mounted by those containers
alone that need it, whatever user they run as.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final, Literal

from core.configuration import OBJECT_STORE_KEY
from functions.domain.accounts import keys, openid
from functions.domain.mail import transport
from functions.runtime import redis_users
from provisioning import broker, secrets_folder

ADMINISTRATOR: Final = "administrator"
"""The first administrator's password."""

ADMINISTRATOR_FACTOR: Final = "administrator-totp"
"""The secret of the first administrator's second factor, where `botberi token` has enrolled it."""

ADMINISTRATOR_SESSION: Final = "administrator-session"
"""The refresh token of the session that `botberi token` has opened last."""

GRAFANA: Final = "grafana"
"""The password of Grafana's `admin`."""

EXPORTER: Final = "pgbouncer-exporter"
"""The password with which the exporters ask PgBouncer for its statistics."""

DEFINITIONS: Final = "event-bus-definitions"
"""RabbitMQ's users with their rights and hashed passwords, which is all that it is told."""

DERIVED: Final = (DEFINITIONS, redis_users.HASHES)
"""The secrets that are made from others whenever they are needed, and kept in no file."""


def names() -> list[str]:
    """Return the name of every secret, sorted."""
    made = (keys.PRIVATE, keys.PUBLIC, *secrets_folder.KEYS, OBJECT_STORE_KEY, openid.SECRETS, transport.LOGIN)
    ours = (*made, ADMINISTRATOR, GRAFANA, EXPORTER, *DERIVED)
    return sorted([*secrets_folder.names(), *ours])


def generate(folder: Path) -> None:
    """Generate the secrets that `folder` lacks."""
    secrets_folder.fill(folder)
    for name in (ADMINISTRATOR, GRAFANA, EXPORTER):
        if not (folder / name).exists():
            secrets_folder.write(folder / name, secrets.token_urlsafe(18))


class RotationError(Exception):
    """The secret is not at this step of a rotation; the message says at which it is."""


def add_key(file: Path) -> None:
    """Add a key to the one in `file`, whose name is the secret's: from now on either of the two will do.

    Raises RotationError.
    """
    keys = file.read_text().split()
    if len(keys) > 1:
        message = f"{file} has two keys already: see to it that they are everywhere, then go on"
        raise RotationError(message)
    _replace(file, [*keys, secrets_folder.KEYS[file.name]()])


def switch_keys(file: Path) -> None:
    """Put the second of the two keys in `file` first. Raises RotationError."""
    _replace(file, _both(file)[::-1])


def drop_key(file: Path, *, keep: Literal["first", "last"] = "last") -> None:
    """Remove one of the two keys from `file`. Raises RotationError."""
    first, last = _both(file)
    _replace(file, [first if keep == "first" else last])


def _both(file: Path) -> list[str]:
    keys = file.read_text().split()
    if len(keys) == 1:
        message = f"{file} has one key: add another first"
        raise RotationError(message)
    return keys


def _replace(file: Path, keys: list[str]) -> None:
    # Whoever reads at this moment finds the old text or the new one.
    draft = file.with_name(f".{file.name}")
    secrets_folder.write(draft, "\n".join(keys) + "\n")
    draft.replace(file)


def fill(environment: Path, volumes: Path) -> None:
    """Generate what `environment` lacks and bring every volume up to date."""
    folder = environment / "secrets"
    generate(folder)
    owner = environment.stat()
    for file in (folder, *folder.iterdir()):
        os.chown(file, owner.st_uid, owner.st_gid)
    made = derived(folder)
    for name in names():
        _write(volumes / name / name, made.get(name) or (folder / name).read_text())


def derived(folder: Path) -> dict[str, str]:
    """Return the derived secrets, made from the files in `folder`: RabbitMQ's definitions and Redis' users."""

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8").strip()

    passwords = {part: read(f"event-bus-{part}") for part in secrets_folder.EVENT_BUS_SERVICES}
    definitions = json.dumps(broker.definitions(passwords))
    return {DEFINITIONS: definitions, redis_users.HASHES: redis_users.acl(read)}


def _write(file: Path, text: str) -> None:
    # The volume is the lock on the door; inside it any user may read.
    draft = file.with_name(f".{file.name}")
    draft.write_text(text)
    draft.chmod(0o444)
    draft.replace(file)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), Path(sys.argv[2]))
