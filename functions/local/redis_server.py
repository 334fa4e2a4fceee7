"""A private Redis server."""

import socket
from pathlib import Path

from functions.local import private_process, secrets_folder
from functions.local.binaries import find
from functions.local.ports import LOOPBACK
from functions.local.private_process import PrivateProcess


def start(name: str, port: int, *, run: Path, password: str, durable: bool) -> PrivateProcess:
    """Start Redis under the folder `run`; without `durable` it keeps nothing."""
    folder = run / name
    folder.mkdir(parents=True, exist_ok=True)
    # In a file, because everybody on the machine can read a command line.
    configuration = folder / "redis.conf"
    persistence = ["appendonly yes"] if durable else ["appendonly no"]
    lines = [f"bind {LOOPBACK}", f"port {port}", f'dir "{folder}"', f"requirepass {password}", 'save ""', *persistence]
    secrets_folder.write(configuration, "\n".join(lines))
    return private_process.start(name, [find("redis-server"), configuration], run=run, cwd=folder)


def answers(port: int, password: str) -> bool:
    """Tell whether the server takes commands."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answers:
                return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False
