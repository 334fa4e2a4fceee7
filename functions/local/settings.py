"""The settings that every process of the local run, or of a test, is given."""

import os
from pathlib import Path

from functions.domain.instances import confinement
from functions.local.leftovers import MARK
from functions.local.ports import LOOPBACK, Ports
from functions.local.rabbitmq_server import VHOST

ROOT = Path(__file__).resolve().parents[2]


def environment(  # noqa: PLR0913 - each is a fact about the run, given by name
    run: Path,
    ports: Ports,
    *,
    secrets: Path | None = None,
    user_database: str = "user_psql",
    shared_database: str = "shared_psql",
    vhost: str = VHOST,
) -> dict[str, str]:
    """Return the environment variables of a process that belongs to the folder `run`."""
    return {
        "USER_PSQL_URL": f"{LOOPBACK}:{ports.user_psql}/{user_database}",
        "SHARED_PSQL_URL": f"{LOOPBACK}:{ports.shared_psql}/{shared_database}",
        "USER_REDIS_URL": f"{LOOPBACK}:{ports.user_redis}",
        "EVENT_BUS_URL": f"{LOOPBACK}:{ports.event_bus}/{vhost}",
        "EVENT_BUS_MANAGEMENT_URL": f"http://{LOOPBACK}:{ports.event_bus_management}",
        "API_URL": f"http://localhost:{ports.edge}",
        "FUNCTIONS_URL": f"http://{LOOPBACK}:{ports.subscribers}/function/{{name}}",
        "BOTBERI_SECRETS": str(secrets or run / "secrets"),
        "BOTBERI_INSTANCES": str(run / "instances"),
        # Agents are processes of whoever starts them here.
        confinement.SETTING: confinement.ALLOWED,
        # Where each part of a run answers those who watch is said where it is started: all of them are on one machine.
        "WATCH_LISTEN": "",
        "SUBSCRIPTIONS": str(ROOT / "deploy" / "subscriptions.json"),
        "EDGE_LISTEN": f"{LOOPBACK}:{ports.edge}",
        "EDGE_FUNCTIONS": f"{LOOPBACK}:{ports.functions}",
        "EDGE_GATEWAY": f"{LOOPBACK}:{ports.gateway}",
        "EDGE_USER_DOCS": f"{LOOPBACK}:{ports.user}",
        "EDGE_ADMIN_DOCS": f"{LOOPBACK}:{ports.admin}",
        "EDGE_BROKER_DOCS": f"{LOOPBACK}:{ports.broker}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        MARK: str(run),
    }


def inherited() -> dict[str, str]:
    """Return this process' environment without any setting of a run, so that none leaks from one to another."""
    ours = environment(Path(), Ports())
    return {name: value for name, value in os.environ.items() if name not in ours}
