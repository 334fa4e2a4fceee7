"""The ports of a run on this machine, and the settings that its processes are given."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from functions.domain.a2a import webhooks
from functions.domain.accounts import oauth_clients, openid, webauthn
from functions.domain.audit import anchor_store
from functions.domain.catalog import bundle_store, images
from provisioning.broker import VHOST

ROOT: Final = Path(__file__).resolve().parents[1]

LOOPBACK: Final = "127.0.0.1"

MARK: Final = "BOTBERI_RUN"
"""The environment variable that names the folder of the run that a process belongs to."""


@dataclass(frozen=True)
class Ports:
    """The port of each part; the defaults are those of the local run."""

    user_psql: int = 5430
    shared_psql: int = 5440
    user_redis: int = 6600
    event_bus: int = 5672
    event_bus_management: int = 15672
    event_bus_names: int = 15673
    """Erlang's port mapper, private to this RabbitMQ."""
    event_bus_distribution: int = 15674
    user: int = 8010
    admin: int = 8020
    broker: int = 8030
    functions: int = 8050
    gateway: int = 8040
    flower: int = 4400
    edge: int = 8080
    monitoring_relay_user: int = 9464
    """Here and below: health and metrics of a service, for those who watch."""
    monitoring_relay_shared: int = 9465
    monitoring_dispatcher: int = 9466
    monitoring_gateway: int = 9467
    monitoring_runner: int = 9468
    subscribers: int = 8060
    """The port of the host of subscribers, which only the dispatcher calls: the edge doesn't lead there."""
    agent_host: int = 8070
    """The port of the agent host; the edge doesn't lead there either."""
    smtp: int = 1025
    """The port where the mail catcher takes mails."""
    mail: int = 1080
    """The port where it shows them."""


def environment(
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
        "SMTP_URL": f"smtp://{LOOPBACK}:{ports.smtp}",
        "MAIL_FROM": "Botberi <no-reply@botberi.example>",
        "APP_URL": f"http://localhost:{ports.edge}/app",
        "EMAIL_VERIFICATION": "required",
        "API_URL": f"http://localhost:{ports.edge}",
        "FUNCTIONS_URL": f"http://{LOOPBACK}:{ports.subscribers}/function/{{name}}",
        "BOTBERI_SECRETS": str(secrets or run / "secrets"),
        "ACCOUNT_INSTANCES": "50",
        "API_KEY_ENVIRONMENT": "test",
        # Whoever starts the run may have pages of their own on this machine, and say so.
        webauthn.RP_ID_SETTING: os.environ.get(webauthn.RP_ID_SETTING) or "localhost",
        webauthn.ORIGINS_SETTING: os.environ.get(webauthn.ORIGINS_SETTING) or f"http://localhost:{ports.edge}",
        "ARGON2_KIB": "19456",
        bundle_store.SETTING: (run / "objects").absolute().as_uri(),
        anchor_store.SETTING: (run / "anchors").absolute().as_uri(),
        anchor_store.DAYS_SETTING: "365",
        # Whoever starts the run may have an engine, and say so.
        images.SETTING: os.environ.get(images.SETTING) or images.NOWHERE,
        "AGENT_HOST_URL": f"http://{LOOPBACK}:{ports.agent_host}",
        "AGENT_LOGS_URL": f"http://{LOOPBACK}:{ports.subscribers}/function/keep-agent-logs",
        "AGENT_MEMORY_URL": f"http://{LOOPBACK}:{ports.subscribers}/function/agent-memory",
        "ACCOUNT_LOG_BYTES": "67108864",
        "ACCOUNT_MEMORY_BYTES": "16777216",
        "INSTANCE_LOG_DAY_BYTES": "16777216",
        "INSTANCE_LOG_DAYS": "7",
        "RUN_DAYS": "30",
        "RUN_USAGE_DAYS": "400",
        "RUN_QUEUE_SECONDS": "3600",
        "RUN_SECONDS": "600",
        "ACCOUNT_DELETION_DAYS": "30",
        "FOUR_EYES": "false",
        "ACCOUNT_EVENT_DAYS": "7",
        # And an OpenID provider.
        openid.PROVIDERS_SETTING: os.environ.get(openid.PROVIDERS_SETTING, ""),
        openid.SCOPES_SETTING: os.environ.get(openid.SCOPES_SETTING) or openid.SCOPES,
        openid.NETWORKS_SETTING: os.environ.get(openid.NETWORKS_SETTING, ""),
        oauth_clients.NETWORKS_SETTING: os.environ.get(oauth_clients.NETWORKS_SETTING, ""),
        # Whoever starts the run may have something that is to be notified on this machine, and say so.
        **{name: os.environ.get(name, "") for name in webhooks.SETTINGS},
        "AGENT_HOST_FOLDER": str(run / "agents"),
        # Where each part of a run answers those who watch is said where it is started: all of them are on one machine.
        "MONITORING_LISTEN": "",
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
