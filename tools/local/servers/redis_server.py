"""A private Redis server."""

import socket
from pathlib import Path

from functions.runtime import redis_users
from provisioning import secrets_folder
from provisioning.local_settings import LOOPBACK
from provisioning.secrets import derived
from tools.local.servers import managed_process
from tools.local.servers.binaries import find
from tools.local.servers.managed_process import ManagedProcess


def start(name: str, port: int, *, run: Path, durable: bool) -> ManagedProcess:
    """Start Redis under the folder `run`, with the users of its secrets; without `durable` it keeps nothing."""
    folder = run / name
    folder.mkdir(parents=True, exist_ok=True)
    users, configuration = folder / "users.acl", folder / "redis.conf"
    secrets_folder.write(users, derived(run / "secrets")[redis_users.HASHES])
    persistence = ["appendonly yes"] if durable else ["appendonly no"]
    lines = [f"bind {LOOPBACK}", f"port {port}", f'dir "{folder}"', f'aclfile "{users}"', 'save ""', *persistence]
    secrets_folder.write(configuration, "\n".join(lines))
    command = [find("redis-server"), configuration]
    return managed_process.start(name, command, run=run, cwd=folder, ready=lambda: answers(port))


def answers(port: int) -> bool:
    """Return whether the server answers; to whoever hasn't logged in it says nothing but that."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            with connection.makefile("rb") as answers:
                return answers.readline().startswith(b"-NOAUTH ")
    except OSError:
        return False
