"""The always-on services beside the functions, as a table: what each runs, and what it is given."""

from dataclasses import dataclass, field
from typing import Final

from functions.domain.instances import contexts


@dataclass(frozen=True)
class Service:
    """A process that runs all the time, or (`once`) at every deployment."""

    name: str
    image: str
    """Ours; one with a slash is somebody else's, with its version."""
    args: tuple[str, ...]
    command: tuple[str, ...] = ()
    """Instead of the image's own `python -m`."""
    settings: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    """Settings that are the same everywhere."""
    secrets: tuple[str, ...] = ()
    memory: str = "128Mi"
    replicas: int = 1
    ports: tuple[int, ...] = ()
    """What it serves to others."""
    monitored: bool = False
    """Whether it answers those who watch over it, at MONITORING_PORT: /_/health, /_/ready and /metrics."""
    function: bool = False
    """Whether it is deployed as functions are, and scaled by what serves them."""
    tmp: str = "16Mi"
    """The size of /tmp, the only place that it may write to."""
    timeout_seconds: int = 300
    """Of a call to what is deployed as functions are."""
    files: tuple[str, ...] = ()
    """Of the ConfigMap `exporters`, mounted in /etc/botberi."""
    once: bool = False
    direct: dict[str, int] = field(default_factory=dict)
    """Connections of one replica straight to a database, for what a pooler in transaction mode can't carry."""
    pooled: dict[str, int] = field(default_factory=dict)
    """Connections of one replica through the pooler."""


_CELERY: Final = ("celery", "--app", "functions.jobs.app", "--quiet")

_FLOWER: Final = (
    'FLOWER_BASIC_AUTH="botberi:$(cat /var/openfaas/secrets/flower)" exec python -m functions.jobs.flower "$@"'
)

_REDIS_EXPORTER: Final = (
    'REDIS_ADDR="$USER_REDIS_URL" REDIS_PASSWORD="$(cat /var/openfaas/secrets/user-redis-exporter)"'
    ' exec /redis_exporter "$@"'
)

MONITORING_PORT: Final = 9464
"""The default of the setting MONITORING_LISTEN."""

RELAY_CONNECTIONS: Final = 5
"""To read, to hold the awake lock, to listen for wake-ups, to listen for bare NOTIFYs, and for statistics."""


def _relay(database: str) -> Service:
    short = database.partition("_")[0]
    return Service(
        name=f"relay-{short}",
        image="events",
        args=("events.relay", database),
        settings=(f"{database.upper()}_URL", "EVENT_BUS_URL", "API_URL"),
        secrets=(f"{short}-psql-relay", "event-bus-relay"),
        replicas=2,
        monitored=True,
        direct={database: RELAY_CONNECTIONS},
    )


def _postgres_exporter(database: str, *args: str) -> Service:
    short = database.replace("_", "-")
    return Service(
        name=f"exporter-{short}",
        image="quay.io/prometheuscommunity/postgres-exporter:v0.20.1",
        args=(f"--web.listen-address=:{MONITORING_PORT}", *args),
        settings=(f"{database.upper()}_URL",),
        values={
            "DATA_SOURCE_URI": f"$({database.upper()}_URL)?sslmode=disable",
            "DATA_SOURCE_USER": "botberi_exporter",
            "DATA_SOURCE_PASS_FILE": f"/var/openfaas/secrets/{short}-exporter",
        },
        secrets=(f"{short}-exporter",),
        memory="64Mi",
        ports=(MONITORING_PORT,),
        files=("queries.yml",) if args else (),
        direct={database: 2},
    )


def _migrations(database: str) -> Service:
    short = database.partition("_")[0]
    return Service(
        name=f"migrate-{short}",
        image="setup",
        args=("migrations", "upgrade", database),
        settings=(f"{database.upper()}_URL",),
        secrets=(f"{short}-psql-migrator",),
        once=True,
        direct={database: 1},
    )


SERVICES: Final = (
    _migrations("user_psql"),
    _migrations("shared_psql"),
    Service(
        name="topology",
        image="setup",
        args=("events.topology",),
        settings=("EVENT_BUS_URL",),
        secrets=("event-bus-admin",),
        once=True,
    ),
    Service(
        name="seed",
        image="setup",
        args=("provisioning.seed",),
        settings=("BUNDLE_STORE", "AUDIT_STORE", "AUDIT_RETENTION_DAYS", "USER_PSQL_URL", "SHARED_PSQL_URL"),
        secrets=("administrator", "object-store-key", "user-psql-admin", "shared-psql-admin"),
        once=True,
        direct={"user_psql": 1, "shared_psql": 1},
    ),
    _relay("user_psql"),
    _relay("shared_psql"),
    Service(
        name="dispatcher",
        image="events",
        args=("events.dispatcher",),
        settings=("EVENT_BUS_URL", "FUNCTIONS_URL", "SHARED_PSQL_URL"),
        secrets=("delivery-signing-keys", "event-bus-dispatcher", "shared-psql-relay"),
        replicas=2,
        monitored=True,
        # For dead letters, what is addressed to Postgres, the retry store and the clock.
        direct={"shared_psql": 4},
    ),
    Service(
        name="gateway",
        image="gateway",
        args=("functions.services.gateway", "--bind", "0.0.0.0:8040"),
        settings=("EVENT_BUS_URL", "SHARED_PSQL_URL", "USER_REDIS_URL"),
        secrets=("event-bus-gateway", "jwt-public-keys", "shared-psql-gateway", "user-redis-gateway"),
        # 61 MB, and 31 kB for each connection.
        memory="256Mi",
        replicas=2,
        ports=(8040,),
        monitored=True,
        # One asks which sessions have ended, one listens and reads events of accounts, one reads those of runs.
        direct={"shared_psql": 3},
    ),
    Service(
        name="worker",
        image="worker",
        args=(
            *(*_CELERY, "worker", "--pool", "threads", "--concurrency", "16"),
            *("--queues", "instances.user,instances.admin", "--without-mingle", "--without-gossip"),
        ),
        settings=("AGENT_HOST_URL", "DRIVER", "SHARED_PSQL_URL", "USER_REDIS_URL"),
        values={"USER_REDIS_USER": "worker"},
        secrets=("agent-host-keys", "instance-master-keys", "shared-psql-worker", "user-redis-worker"),
        memory="256Mi",
        pooled={"shared_psql": 3},
    ),
    Service(
        name="runner",
        image="runner",
        args=("functions.services.runner",),
        settings=("AGENT_HOST_URL", "RUN_QUEUE_SECONDS", "SHARED_PSQL_URL", "USER_REDIS_URL"),
        secrets=(
            *("agent-host-keys", "agent-memory-keys", "instance-master-keys"),
            *("shared-psql-runner", "user-redis-runner"),
        ),
        memory="384Mi",
        replicas=2,
        monitored=True,
        # One listens, beside those of its pool.
        direct={"shared_psql": 4},
    ),
    Service(
        name="agent-host",
        image="agent-host",
        args=("functions.services.agent_host",),
        settings=(
            *("AGENT_EGRESS", "AGENT_IDLE_SECONDS", "AGENT_LOGS_URL", "AGENT_MEMORY_URL"),
            *("BUNDLE_STORE", "PACKAGE_INDEX"),
        ),
        values={"THREADS": "256"},
        secrets=("agent-host-keys", "agent-log-keys", "object-store-key"),
        memory="2Gi",
        replicas=5,
        ports=(8080,),
        tmp="1Gi",
        function=True,
        # As long as Knative lets any be, unless it is told otherwise.
        timeout_seconds=contexts.LONGEST_SECONDS,
    ),
    _postgres_exporter("user_psql"),
    # What Prometheus is shown of instances and dead letters comes from this database.
    _postgres_exporter("shared_psql", "--extend.query-path=/etc/botberi/queries.yml"),
    Service(
        name="exporter-redis",
        image="oliver006/redis_exporter:v1.74.0-alpine",
        command=("sh", "-ec", _REDIS_EXPORTER, "redis_exporter"),
        args=(
            *(f"--web.listen-address=:{MONITORING_PORT}", "--redis.user=botberi_exporter", "--set-client-name=false"),
            *("--config-command=-", "--redis-only-metrics"),
            "--check-single-keys=db1=instances.user,db1=instances.admin,db1=instances.dead",
        ),
        settings=("USER_REDIS_URL",),
        secrets=("user-redis-exporter",),
        memory="64Mi",
        ports=(MONITORING_PORT,),
    ),
    Service(
        name="flower",
        image="watch",
        # By the environment, because a command line shows in every list of processes.
        command=("bash", "-ec", _FLOWER, "celery"),
        args=(*_CELERY[1:], "flower", "--address=0.0.0.0", "--port=4400", "--persistent=false"),
        settings=("USER_REDIS_URL",),
        values={"USER_REDIS_USER": "flower"},
        secrets=("flower", "user-redis-flower"),
        memory="192Mi",
        ports=(4400,),
    ),
    Service(
        name="docs",
        image="docs",
        args=(
            *("functions.runtime.host", "--bind", "0.0.0.0:8010=user"),
            *("--bind", "0.0.0.0:8020=admin", "--bind", "0.0.0.0:8030=broker"),
        ),
        ports=(8010, 8020, 8030),
    ),
)
