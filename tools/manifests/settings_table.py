"""What every setting and secret means; a test compares the names with those that the code reads."""

from dataclasses import dataclass
from typing import Final

from functions.runtime import redis_users


@dataclass(frozen=True)
class Setting:
    """A setting, for people."""

    form: str
    meaning: str
    default: str = "none"
    reader: str = ""
    """Who reads it, where that follows from no declaration."""


_DATABASE: Final = "`host:port/database`, with `?tls=verify` where the server has to prove who it is"

SETTINGS: Final = {
    "ACCOUNT_INSTANCES": Setting(
        "number", "Instances that an account may have, unless an administrator gives it a limit of its own.", "50"
    ),
    "ACCOUNT_LOG_BYTES": Setting(
        "bytes",
        "What the logs of an account's instances may have together, unless an administrator gives it another limit.",
        "67108864 (64 MiB)",
    ),
    "ACCOUNT_MEMORY_BYTES": Setting(
        "bytes",
        "What an account's agents may remember, unless an administrator gives it another limit.",
        "16777216 (16 MiB)",
    ),
    "AGENT_EGRESS": Setting(
        "`none`, `public` or `all`",
        "What agents may connect to: nothing, public addresses, or anything that their host reaches.",
        "`public`",
    ),
    "AGENT_HOST_AWAKE": Setting(
        "number", "Agents that are awake on one host at a time; one owner has a quarter of it.", "128", "the agent host"
    ),
    "AGENT_HOST_FOLDER": Setting(
        "folder", "Where a host keeps agents' code, and agents their files.", "`/tmp/agents`", "the agent host"
    ),
    "AGENT_HOST_URL": Setting("URL", "Where agent hosts answer."),
    "AGENT_IDLE_SECONDS": Setting("seconds", "How long an agent that is asked nothing stays awake.", "60"),
    "AGENT_LOGS_URL": Setting("URL", "Where what agents write is kept: the function `keep_agent_logs`."),
    "AGENT_MEMORY_URL": Setting(
        "URL",
        "Where agents' memories are kept: the function `agent_memory`. Without it agents have none.",
    ),
    "AGENT_SANDBOX": Setting(
        "`none` or empty",
        "`none` lets agents do whatever their host may: for a machine of your own where no boundary can be had.",
        "empty: a host that can't hold the boundary doesn't start",
        "the agent host",
    ),
    "API_KEY_ENVIRONMENT": Setting(
        "small letters and digits, 16 at most",
        "The word in this installation's API keys, `bbk_<word>_…`, by which people and scanners tell them apart.",
        "`test`",
    ),
    "API_URL": Setting(
        "URL", "Where the API is for whoever reads an event: `dataschema` begins with it.", "`http://localhost:8080`"
    ),
    "APP_URL": Setting(
        "URL",
        "Where the pages are to which mails lead, as `verify-email#token=…` below it; the edge's are below `/app`.",
        "empty: mails have the token itself",
    ),
    "BUNDLE_STORE": Setting(
        "`file:///folder` or `s3://bucket/prefix`",
        "Where bundles are kept. A bucket may have `?region=…`, `&endpoint=…` when it isn't AWS's, and `&public=…` "
        "when people reach it elsewhere, as they do by links to exports. What keeps it has to know conditional writes "
        "(`If-None-Match`).",
    ),
    "AUDIT_STORE": Setting(
        "`file:///folder` or `s3://bucket/prefix`",
        "Where anchors of the audit trail are kept: a bucket with Object Lock, named as in `BUNDLE_STORE`. A folder is "
        "only made read-only.",
    ),
    "AUDIT_RETENTION_DAYS": Setting(
        "days", "For how long nobody can delete an anchor of the audit trail from its bucket, whoever they are.", "365"
    ),
    "ARGON2_KIB": Setting(
        "KiB",
        "Memory that hashing a password takes; hashes made with another amount are renewed when their owners log in.",
        "19456",
    ),
    "BOTBERI_SECRETS": Setting("folder", "Where secrets lie.", "`/var/openfaas/secrets`", "everything"),
    "DRIVER": Setting(
        "`docker`, `knative`, `openfaas` or `none`", "Where versions run that are images.", "`none`: they are refused"
    ),
    "DRIVER_CREDENTIALS": Setting(
        "folder",
        "`token`, `ca.crt` and `namespace`, by which Kubernetes is asked.",
        "those of the pod's service account",
        "the worker",
    ),
    "DRIVER_NAMESPACE": Setting(
        "name",
        "OpenFaaS' or Kubernetes' namespace for versions; with Docker, it keeps installations apart that share one.",
        "`openfaas-fn`; the service account's; `botberi`",
        "the worker",
    ),
    "DRIVER_NETWORK": Setting(
        "name",
        "Docker's network in which versions and those who call them meet.",
        "none: ports of the engine's loopback interface",
        "the worker",
    ),
    "DRIVER_URL": Setting(
        "URL",
        "OpenFaaS' gateway, Kubernetes' API, or `unix://` and the path of the socket of Docker's engine.",
        "`http://gateway.openfaas:8080`, `https://kubernetes.default.svc`, `unix:///var/run/docker.sock`",
        "the worker",
    ),
    "EMAIL_VERIFICATION": Setting(
        "`required` or `off`",
        "Whether accounts have to verify their addresses before they launch instances; `off` suits a private network.",
        "`required`",
    ),
    "EVENT_BUS_MANAGEMENT_URL": Setting(
        "URL", "RabbitMQ's management interface, which tells what exists.", "port 15672 of its host", "the topology"
    ),
    "EVENT_BUS_URL": Setting("`host:port/vhost`", "RabbitMQ."),
    "FUNCTIONS_URL": Setting("URL with `{name}`", "Where the dispatcher finds a function, by its name in kebab case."),
    "GATEWAY_CONNECTIONS": Setting("number", "WebSockets that a gateway takes at a time.", "5000", "the gateway"),
    "INSTANCE_LEASE_SECONDS": Setting("seconds", "How long a worker's lease on an instance lasts.", "15", "the worker"),
    "INSTANCE_LOG_DAY_BYTES": Setting(
        "bytes", "How much is kept of what one instance writes in a day.", "16777216 (16 MiB)"
    ),
    "FOUR_EYES": Setting("`true`", "Whether what is grave takes a second administrator.", "false"),
    "ACCOUNT_DELETION_DAYS": Setting("days", "How long an account can be restored that its owner has deleted.", "30"),
    "ACCOUNT_EVENT_DAYS": Setting("days", "How long an account's events are kept for those who were away.", "7"),
    "INSTANCE_LOG_DAYS": Setting("days", "How long lines of instances' logs are kept.", "7"),
    "INSTANCE_SWEEP_SECONDS": Setting("seconds", "How often the sweep looks for what is due.", "10", "the worker"),
    "OAUTH_CLIENT_NETWORKS": Setting(
        "networks with spaces",
        "Networks in which documents of OAuth's clients may be beside public addresses.",
        "empty: public addresses alone",
    ),
    "OIDC_NETWORKS": Setting(
        "networks with spaces",
        "Networks in which OpenID providers may be beside public addresses, such as `10.1.2.0/24`.",
        "empty: public addresses alone",
    ),
    "OIDC_PROVIDERS": Setting(
        "providers with `;`, each `id issuer client_id name`",
        "By which people log in: our word for it in addresses (small letters), its issuer, our client id there, "
        "and how people know it.",
        "empty: by none",
    ),
    "OIDC_SCOPES": Setting("scopes with spaces", "What OpenID providers are asked for.", "`openid email`"),
    "OUTBOX_RETENTION_DAYS": Setting("days", "How long delivered events stay in the outbox.", "7", "the relays"),
    "BLOCKING_TYPES": Setting(
        "event types with commas",
        "Of which an event that can't be published holds back the later ones of its subject.",
        "none",
        "the relays",
    ),
    "PACKAGE_INDEX": Setting(
        "URLs with spaces",
        "The one index (PEP 503) from which agents' requirements are installed, then other servers that have its "
        "files. The installer reaches these alone.",
        "empty: that of Python's packages, by public addresses",
        "the agent host",
    ),
    "PORT": Setting("number", "Where a function listens.", "8080", "functions"),
    "PSQL_SUPERUSER": Setting("name", "Who may create roles.", "`postgres`", "`botberi roles`"),
    "PUSH_HTTP": Setting(
        "`allowed` or empty", "`allowed` lets push notifications go over plain HTTP too.", "empty: HTTPS alone"
    ),
    "PUSH_NETWORKS": Setting(
        "networks with spaces",
        "Networks that push notifications may go to beside public addresses, such as `10.1.2.0/24`.",
        "empty: public addresses alone",
    ),
    "RELAY_LINGER_SECONDS": Setting("seconds", "How long a relay stays awake after an event.", "0.2", "the relays"),
    "RELAY_PROBE_SECONDS": Setting(
        "seconds", "How often a relay sends an event through RabbitMQ and back; 0: never.", "15", "the relays"
    ),
    "RUN_DAYS": Setting("days", "How long runs, their events and conversations are kept after their end.", "30"),
    "RUN_LEASE_SECONDS": Setting(
        "seconds", "After which runs of a runner that is gone are taken over.", "15", "the runners"
    ),
    "RUN_QUEUE_SECONDS": Setting("seconds", "How long a run may wait for its turn.", "3600"),
    "RUN_SECONDS": Setting(
        "seconds", "How long an agent may take for one answer, at most and unless less is asked for.", "600"
    ),
    "RUN_USAGE_DAYS": Setting("days", "How long sums of what runs have used in a day are kept.", "400"),
    "RUNNER_GRACE_SECONDS": Setting(
        "seconds", "How long a runner that is told to stop sees its runs through.", "640", "the runners"
    ),
    "RUNNER_RUNS": Setting("number", "Runs that a runner works on at a time.", "256", "the runners"),
    "RUNS_OF_INSTANCE": Setting("number", "Runs of one instance that are at work at a time.", "4", "the runners"),
    "RUNS_OF_OWNER": Setting("number", "Runs of one account that are at work at a time.", "32", "the runners"),
    "SHARED_PSQL_URL": Setting(_DATABASE, "Agents, versions, instances, the audit trail."),
    "SUBSCRIPTIONS": Setting(
        "file", "Which function receives what.", "`deploy/subscriptions.json`", "the topology and the dispatcher"
    ),
    "THREADS": Setting("number", "Requests that a function handles at a time.", "8", "functions"),
    "USER_PSQL_URL": Setting(_DATABASE, "Accounts and sessions."),
    "USER_REDIS_URL": Setting("`host:port`", "Redis: the cache in its database 0, Celery's queues in 1."),
    "WEBAUTHN_ORIGINS": Setting(
        "origins with spaces",
        "The origins of the pages on which passkeys are used: each as a browser tells it, such as "
        "`https://app.example.com`.",
        "`http://localhost:8080`",
    ),
    "WEBAUTHN_RP_ID": Setting(
        "domain",
        "The domain that passkeys belong to: that of those pages, or one above it. With another, those that there are "
        "are worth nothing.",
        "`localhost`",
    ),
    "USER_REDIS_USER": Setting(
        "`jobs`, `worker` or `flower`", "As which of Redis' users Celery logs in: `botberi_<name>`.", "`jobs`"
    ),
    "MAIL_FROM": Setting("address", "Who mails are from: `Botberi <no-reply@example.com>`."),
    "SMTP_URL": Setting(
        "`smtps://host`, `smtp+starttls://host` or `smtp://host`, with `:port`",
        "The server that takes mails: encrypted from the start, from STARTTLS on, or not at all.",
        "empty: no mail is sent",
    ),
    "MONITORING_LISTEN": Setting(
        "`address:port`",
        "Where a service answers `/_/health`, `/_/ready` and `/metrics`; empty: nowhere.",
        "`0.0.0.0:9464`",
        "relays, dispatcher, gateway",
    ),
}

SECRETS: Final = {
    "agent-host-keys": "The keys, one a line, with which calls to agent hosts are sealed.",
    "agent-memory-keys": "The keys, one a line, of the tokens with which agents get at their memories.",
    "export-link-keys": "The keys, one a line, of links to exports, and for bundles, where those are in a folder.",
    "agent-log-keys": "The keys, one a line, with which agent hosts sign what agents write.",
    "administrator": "The first administrator's password, for `admin@botberi.example`.",
    "delivery-signing-keys": "The keys, one a line, with which deliveries to subscribers are signed and checked.",
    "event-bus-definitions": "RabbitMQ's users, with hashes of their passwords; made from the others.",
    "card-signing-keys": "The keys, one a line, that sign A2A's cards of instances.",
    "event-bus-": "The password of the RabbitMQ user `botberi_<name>`.",
    "factor-master-keys": "The keys, one a line, under which secrets of second factors are encrypted; keep a copy.",
    "flower": "The password of Flower's page, for the user `botberi`.",
    "grafana": "The password of Grafana's `admin`.",
    "instance-master-keys": "The keys, one a line, under which secrets of instances are encrypted; keep a copy.",
    "jwt-public-keys": "The keys with which access tokens are checked, as a JWKS.",
    "jwt-signing-key": "The key that signs access tokens, as a JWKS with a private key.",
    "object-store-key": "The access key of S3: its id and, after a space, the key. Empty: AWS's own places are asked.",
    "oidc-client-secrets": "Of each OpenID provider that gave us a secret a line: its id, a space, and the secret.",
    "pgbouncer-exporter": "The password with which exporters ask PgBouncer for its statistics.",
    "psql-superuser": "The password of Postgres' superuser, who creates the roles.",
    "shared-psql-pgbouncer": "The password with which PgBouncer looks up how roles of shared_psql prove themselves.",
    "shared-psql-": "The password of the role `botberi_<name>` in shared_psql.",
    "user-psql-pgbouncer": "The same in user_psql.",
    "user-psql-": "The password of the role `botberi_<name>` in user_psql.",
    "smtp-login": "`user:password` of the mail server; `:` where nobody logs in.",
    redis_users.HASHES: "Redis' users, with hashes of their passwords; made from the others.",
    "user-redis-": "The password of the Redis user `botberi_<name>`.",
}
"""By the beginning of the secret's name; the first that fits."""

SECRET_READERS: Final = {
    "event-bus-definitions": "RabbitMQ, when it starts",
    "grafana": "Grafana",
    redis_users.HASHES: "Redis, when it starts",
    "pgbouncer-exporter": "PgBouncer and its exporters, under compose",
    "shared-psql-pgbouncer": "PgBouncer",
    "user-psql-pgbouncer": "PgBouncer",
}
"""Who reads a secret, where that follows from no declaration; any other is only given to the role that it is of."""
