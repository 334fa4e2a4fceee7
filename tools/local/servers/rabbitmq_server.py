"""A private RabbitMQ server with its own port mapper, users and cookie."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provisioning import secrets_folder
from provisioning.broker import VHOST
from provisioning.local_settings import LOOPBACK, Ports
from provisioning.secrets import DEFINITIONS, derived
from tools.local.ports import accepts
from tools.local.servers import managed_process
from tools.local.servers.binaries import find
from tools.local.servers.managed_process import ManagedProcess

NAME: Final = "event_bus"

_COMPLETE: Final = "complete"
"""A file that says that the server has been up with this data."""


def start(run: Path, ports: Ports, *, durable: bool) -> Iterator[ManagedProcess]:
    """Start the port mapper and the server under the folder `run`, with the users of its secrets."""
    folder = run / NAME
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / _COMPLETE).exists():
        # A first start that was cut short leaves a database that no later start accepts.
        shutil.rmtree(folder / "data", ignore_errors=True)
    _configure(folder, ports, run / "secrets", durable=durable)
    told = environment(run, ports)
    mapper = [str(find("epmd")), "-port", str(ports.event_bus_names), "-address", LOOPBACK]
    yield (names := managed_process.start("event_bus_names", mapper, run=run, cwd=folder, environment=told))
    names.wait_until(lambda: accepts(ports.event_bus_names))
    yield managed_process.start(
        NAME, [find("rabbitmq-server")], run=run, cwd=folder, environment=told, ready=lambda: answers(run, ports)
    )


def answers(run: Path, ports: Ports) -> bool:
    """Return whether the server takes connections, its users known."""
    if not (accepts(ports.event_bus) and accepts(ports.event_bus_management)):
        return False
    (run / NAME / _COMPLETE).touch()
    return True


def environment(run: Path, ports: Ports) -> dict[str, str]:
    """Return what the server, and rabbitmqctl, which finds it by the same, are told."""
    folder = run / NAME
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": "botberi@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_MNESIA_DIR": str(folder / "data"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(ports.event_bus_distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(
            (
                *("-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-start_epmd", "false"),
                # Its threads don't spin while they wait: many processes share this machine's cores.
                *("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"),
            )
        ),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(ports.event_bus_names),
        "ERL_CRASH_DUMP": str(folder / "crash.dump"),
    }


def _configure(folder: Path, ports: Ports, secrets_of_run: Path, *, durable: bool) -> None:
    lines = [
        f"listeners.tcp.1 = {LOOPBACK}:{ports.event_bus}",
        f"management.tcp.ip = {LOOPBACK}",
        f"management.tcp.port = {ports.event_bus_management}",
        f"load_definitions = {folder / 'definitions.json'}",
        f"default_vhost = {VHOST}",
        "log.console = true",
        "log.console.level = warning",
        f"raft.wal_max_size_bytes = {(256 if durable else 32) * 1024 * 1024}",
        # A developer's disk is often nearly full; the broker would stop every publisher.
        "disk_free_limit.absolute = 200MB",
    ]
    (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
    (folder / "rabbitmq-env.conf").write_text("")
    (folder / "advanced.config").write_text("[].\n")
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        secrets_folder.write(cookie, secrets.token_hex(32))
        cookie.chmod(0o400)
    secrets_folder.write(folder / "definitions.json", derived(secrets_of_run)[DEFINITIONS])
