"""docker-compose.local.yml, from its mark on: the functions, what makes the secrets, and the volumes that hold them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from functions.runtime.declarations import Declaration
from functions.runtime.environment import environment
from migrations.databases import DATABASES
from provisioning import secrets, secrets_folder
from tools.manifests.yaml_text import dump

FILE: Final = Path("docker-compose.local.yml")

GENERATED: Final = (
    "  # From here on `make manifests` writes what the functions declare: change those, not what follows.\n"
)

SECRETS: Final = "/var/openfaas/secrets"

_IMAGE: Final = "${{BOTBERI_REGISTRY:-botberi}}/{name}:${{BOTBERI_VERSION:-latest}}"

_DATA: Final = ("user_psql", "shared_psql", "user_redis", "event_bus", "localstack", "prometheus")
"""The volumes of the services that people write."""

_SETTINGS: Final = {
    "USER_PSQL_URL": "user_pgbouncer:5432/user_psql",
    "SHARED_PSQL_URL": "shared_pgbouncer:5432/shared_psql",
    "USER_REDIS_URL": "user_redis:6379",
    "BUNDLE_STORE": "${BOTBERI_BUNDLE_STORE:-s3://botberi?endpoint=http://localstack:4566&public=http://localhost:4566}",
    "AUDIT_STORE": "${BOTBERI_AUDIT_STORE:-s3://botberi-audit?endpoint=http://localstack:4566}",
    "AUDIT_RETENTION_DAYS": "${BOTBERI_AUDIT_RETENTION_DAYS:-365}",
    "AGENT_HOST_URL": "http://agent_host:8080",
    "DRIVER": "${BOTBERI_DRIVER:-none}",
    "SMTP_URL": "${BOTBERI_SMTP_URL-smtp://maildev:1025}",
    "MAIL_FROM": "${BOTBERI_MAIL_FROM:-Botberi <no-reply@botberi.example>}",
    "APP_URL": "${BOTBERI_APP_URL:-http://localhost:8080/app}",
    "API_URL": "${BOTBERI_API_URL:-http://localhost:8080}",
    "ACCOUNT_INSTANCES": "${BOTBERI_ACCOUNT_INSTANCES:-50}",
    "EMAIL_VERIFICATION": "${BOTBERI_EMAIL_VERIFICATION:-required}",
    "API_KEY_ENVIRONMENT": "${BOTBERI_API_KEY_ENVIRONMENT:-test}",
    "WEBAUTHN_RP_ID": "${BOTBERI_WEBAUTHN_RP_ID:-localhost}",
    "WEBAUTHN_ORIGINS": "${BOTBERI_WEBAUTHN_ORIGINS:-http://localhost:8080}",
    "ARGON2_KIB": "${BOTBERI_ARGON2_KIB:-19456}",
    "ACCOUNT_LOG_BYTES": "${BOTBERI_ACCOUNT_LOG_BYTES:-67108864}",
    "ACCOUNT_MEMORY_BYTES": "${BOTBERI_ACCOUNT_MEMORY_BYTES:-16777216}",
    "INSTANCE_LOG_DAY_BYTES": "${BOTBERI_INSTANCE_LOG_DAY_BYTES:-16777216}",
    "FOUR_EYES": "${BOTBERI_FOUR_EYES:-false}",
    "ACCOUNT_DELETION_DAYS": "${BOTBERI_ACCOUNT_DELETION_DAYS:-30}",
    "ACCOUNT_EVENT_DAYS": "${BOTBERI_ACCOUNT_EVENT_DAYS:-7}",
    "INSTANCE_LOG_DAYS": "${BOTBERI_INSTANCE_LOG_DAYS:-7}",
    "OAUTH_CLIENT_NETWORKS": "${BOTBERI_OAUTH_CLIENT_NETWORKS:-}",
    "OIDC_NETWORKS": "${BOTBERI_OIDC_NETWORKS:-}",
    "OIDC_PROVIDERS": "${BOTBERI_OIDC_PROVIDERS:-}",
    "OIDC_SCOPES": "${BOTBERI_OIDC_SCOPES:-openid email}",
    "PUSH_HTTP": "${BOTBERI_PUSH_HTTP:-}",
    "PUSH_NETWORKS": "${BOTBERI_PUSH_NETWORKS:-}",
    "RUN_DAYS": "${BOTBERI_RUN_DAYS:-30}",
    "RUN_USAGE_DAYS": "${BOTBERI_RUN_USAGE_DAYS:-400}",
    "RUN_QUEUE_SECONDS": "${BOTBERI_RUN_QUEUE_SECONDS:-3600}",
    "RUN_SECONDS": "${BOTBERI_RUN_SECONDS:-600}",
}
"""Where the dependencies are; any other setting comes from the environment file."""

NETWORKS: Final = {
    "public": True,
    "edge": False,
    "user_psql_pool": False,
    "shared_psql_pool": False,
    "cache": False,
    "objects": False,
    "exports": False,
    "mail": True,
    "deliveries": False,
    "subscribers": False,
    "agents": False,
    "bundles": False,
    "internet": True,
    "webhooks": True,
    "identity_providers": True,
    "streams": False,
    "worker": True,
    "user_psql": True,
    "shared_psql": True,
    "event_bus": True,
    "watch": True,
}
"""Every network, and whether it leads out of the engine: published ports need that, agents that call others, and
mail that goes to a server elsewhere.
"""

_REACHED: Final = {
    "USER_PSQL_URL": "user_psql_pool",
    "SHARED_PSQL_URL": "shared_psql_pool",
    "USER_REDIS_URL": "cache",
    "BUNDLE_STORE": "objects",
    "AUDIT_STORE": "objects",
    "AGENT_HOST_URL": "agents",
    "SMTP_URL": "mail",
}
"""The network in which functions find what a setting names."""

_OF_SUBSCRIBERS: Final = {"mail": "mail", "objects": "exports"}
"""Of these networks those that subscribers are in too, or have one of their own in the place of."""

_SUPERUSER: Final = "psql-superuser"


def compose(declarations: Sequence[Declaration], root: Path) -> str:
    """Return the compose file: the head that people write, and below it what follows from the declarations."""
    head = (root / FILE).read_text(encoding="utf-8").partition(GENERATED)[0]
    services = {"secrets": _secrets(), "migrate": _migrate()}
    services |= {each.deployment: _function(each) for each in sorted(declarations, key=lambda each: each.name)}
    volumes = {"volumes": dict.fromkeys([*_DATA, *(_volume(name) for name in secrets.names())])}
    volumes["networks"] = {name: {} if leads_out else {"internal": True} for name, leads_out in NETWORKS.items()}
    parts = "\n".join(_indented(_merging(dump({name: service}))) for name, service in services.items())
    return f"{head}{GENERATED}{parts}\n{dump(volumes).replace(': null', ':')}"


def _function(declaration: Declaration) -> dict[str, object]:
    needed = environment(declaration)
    return {
        "<<": "*function",
        "image": _IMAGE.format(name=declaration.deployment),
        "build": {
            "context": ".",
            "target": "function",
            "args": {"GROUP": needed.group, "FUNCTION": f"{declaration.api}/{declaration.name}"},
        },
        "environment": {
            "THREADS": str(declaration.resources.concurrency),
            **{name: _setting(name) for name in needed.settings},
        },
        "networks": networks(declaration),
        "volumes": _mounts(needed.secrets),
        "mem_limit": declaration.resources.memory.removesuffix("i").lower(),
    }


def networks(declaration: Declaration) -> list[str]:
    """Return the networks that a function is in: by whom it is called, and what it declares to need.

    Subscribers have one network with the poolers and Redis of their own, so that no endpoint is on the way to them. One
    that isn't called by the dispatcher is called by agent hosts. Who calls addresses that others name meets nobody on
    the way there but its like.
    """
    reached = [network for name, network in _REACHED.items() if name in environment(declaration).settings]
    if declaration.api == "subscribers":
        out = ["webhooks"] if declaration.resources.calls_out else []
        out += [_OF_SUBSCRIBERS[network] for network in reached if network in _OF_SUBSCRIBERS]
        return ["deliveries" if declaration.event_types else "agents", "subscribers", *out]
    return ["edge", *reached, *(["identity_providers"] if declaration.resources.calls_out else [])]


def _secrets() -> dict[str, object]:
    """Return the service that generates what is missing, and hands every secret to its volume."""
    return {
        "<<": "*once",
        "image": _IMAGE.format(name="setup"),
        "build": {"context": ".", "target": "setup", "args": {"GROUP": "setup"}},
        "command": ["provisioning.secrets", "/environment", "/volumes"],
        # Volumes and the folder belong to whoever made them.
        "user": "0:0",
        "cap_add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        "network_mode": "none",
        "volumes": [
            "${BOTBERI_ENVIRONMENT:-./environments/dev}:/environment",
            *(f"{_volume(name)}:/volumes/{name}" for name in secrets.names()),
        ],
    }


def _migrate() -> Mapping[str, object]:
    healthy = {"condition": "service_healthy"}
    return {
        "<<": "*once",
        "image": _IMAGE.format(name="setup"),
        "command": ["provisioning.migrate"],
        "environment": "*direct",
        "networks": list(DATABASES),
        "volumes": _mounts([_SUPERUSER, *secrets_folder.of_roles()]),
        "depends_on": {
            "secrets": {"condition": "service_completed_successfully"},
            **dict.fromkeys(DATABASES, healthy),
        },
    }


def _setting(name: str) -> str:
    return _SETTINGS.get(name, f"${{{name}:-}}")


def _mounts(names: Iterable[str]) -> list[str]:
    return [f"{_volume(name)}:{SECRETS}/{name}:ro" for name in names]


def _volume(name: str) -> str:
    return f"secret-{name}"


def _merging(text: str) -> str:
    """Make references of the strings that name anchors: the dumper knows nothing of them."""
    text = text.replace("'<<': ", "<<: ")
    for anchor in ("function", "once", "direct"):
        text = text.replace(f"'*{anchor}'", f"*{anchor}")
    return text


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
