"""stack.yml and the Community Edition's stack: what faas-cli builds and deploys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from functions.runtime.declarations import Declaration
from functions.runtime.environment import Environment, environment
from tools.manifests.grouping import groups
from tools.manifests.services import SERVICES
from tools.manifests.yaml_text import dump

HEAD: Final = """\
# Written by `make manifests` from what the functions declare and from tools/manifests/openfaas.py: change those.
#
# Every function for `faas-cli up -f stack.yml`: OpenFaaS Standard, or any edition without a limit on functions.
# (The Community Edition allows fifteen: deploy/openfaas/stack.ce.yml.) docs/operations/openfaas.md has the steps.
#
# Variables of faas-cli's environment: OPENFAAS_URL, BOTBERI_REGISTRY, BOTBERI_VERSION, and each setting of a function
# by its own name, where the defaults below don't fit.
"""

COMMUNITY_HEAD: Final = """\
# Written by `make manifests` from what the functions declare and from tools/manifests/openfaas.py: change those.
#
# Every function for OpenFaaS' Community Edition, which allows fifteen deployments: functions of one API and noun
# share one. From the repository's root: `faas-cli up -f deploy/openfaas/stack.ce.yml`; docs/operations/openfaas.md has
# the steps. The variables are those of stack.yml.
"""

_IMAGE: Final = "${{BOTBERI_REGISTRY:-botberi}}/{name}:${{BOTBERI_VERSION:-latest}}"

_DEFAULTS: Final = {
    "USER_PSQL_URL": "pgbouncer-user.botberi:5432/user_psql",
    "SHARED_PSQL_URL": "pgbouncer-shared.botberi:5432/shared_psql",
    "USER_REDIS_URL": "user-redis.botberi:6379",
    "BUNDLE_STORE": "s3://botberi-bundles",
    "AUDIT_STORE": "s3://botberi-audit",
    "AGENT_HOST_URL": "http://gateway.openfaas:8080/function/agent-host",
    "AGENT_LOGS_URL": "http://gateway.openfaas:8080/function/keep-agent-logs",
    "AGENT_MEMORY_URL": "http://gateway.openfaas:8080/function/agent-memory",
}
"""Where the dependencies are unless the environment of faas-cli says otherwise."""

_IN_GROUPS: Final = {
    "AGENT_LOGS_URL": "http://gateway.openfaas:8080/function/subscribers/function/keep-agent-logs",
    "AGENT_MEMORY_URL": "http://gateway.openfaas:8080/function/subscribers/function/agent-memory",
}
"""Where they are else, when functions share deployments."""

_PROBES: Final = {"com.openfaas.health.http.path": "/_/health", "com.openfaas.ready.http.path": "/_/ready"}

ALL_DEPENDENCIES: Final = "functions"
"""The locked dependencies of a deployment whose functions need different ones."""

Scale = Callable[[Sequence[Declaration]], dict[str, str]]
"""Returns the labels by which functions that share an image are scaled."""


def files(declarations: Sequence[Declaration]) -> dict[Path, str]:
    """Return both stacks by their path."""
    return {
        Path("stack.yml"): stack(declarations),
        Path("deploy/openfaas/stack.ce.yml"): community_stack(declarations),
    }


def stack(declarations: Sequence[Declaration]) -> str:
    """Return stack.yml: one deployment for each function."""
    functions = {each.deployment: _function([each], each.deployment, _scale_from_zero) for each in declarations}
    functions |= _beside(_DEFAULTS)
    return HEAD + _stack(dict(sorted(functions.items())))


def community_stack(declarations: Sequence[Declaration]) -> str:
    """Return the Community Edition's stack: functions in groups, without the labels that it refuses."""
    functions = {
        name: _function(members, f"group-{name}", _scale_within_five) for name, members in groups(declarations).items()
    }
    functions |= _beside(_DEFAULTS | _IN_GROUPS)
    return COMMUNITY_HEAD + _stack(functions)


def _stack(functions: Mapping[str, object]) -> str:
    gateway = "${OPENFAAS_URL:-http://127.0.0.1:8080}"
    provider = {"name": "openfaas", "gateway": gateway}
    return dump({"version": 1.0, "provider": provider, "functions": functions})


def _function(members: Sequence[Declaration], image: str, scale: Scale) -> dict[str, object]:
    api = members[0].api
    alone = image == members[0].deployment
    needed = together(environment(each) for each in members)
    memory = max((each.resources.memory for each in members), key=megabytes)
    return {
        "lang": "botberi" if alone else "botberi-group",
        "handler": f"./functions/{api}",
        "image": _IMAGE.format(name=image),
        "build_args": {
            "BASE": _IMAGE.format(name=f"base-{needed.group}"),
            "API": api,
            "FUNCTION" if alone else "FUNCTIONS": " ".join(each.name for each in members),
        },
        "environment": {"THREADS": str(_threads(members)), **{name: _setting(name) for name in needed.settings}},
        "secrets": list(needed.secrets),
        "readonly_root_filesystem": True,
        "requests": {"memory": memory, "cpu": "50m"},
        "limits": {"memory": memory, "cpu": "1000m"},
        "labels": scale(members),
        "annotations": _PROBES,
    }


def _threads(members: Sequence[Declaration]) -> int:
    """Return how many threads functions share. What waits for servers of other people's has its own besides."""
    each_with = [(each.resources.concurrency, each.resources.calls_out) for each in members]
    shared = max((number for number, calls_out in each_with if not calls_out), default=0)
    return shared + sum(number for number, calls_out in each_with if calls_out)


def _beside(defaults: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the parts that are deployed as functions are, by name; their images are built with the other parts'."""
    return {
        part.name: {
            "skip_build": True,
            "image": _IMAGE.format(name=part.image),
            "environment": {**part.values, **{name: _setting(name, defaults) for name in part.settings}},
            "secrets": list(part.secrets),
            "readonly_root_filesystem": True,
            "requests": {"memory": part.memory, "cpu": "500m"},
            "limits": {"memory": part.memory, "cpu": "2000m"},
            "labels": {"com.openfaas.scale.min": "1", "com.openfaas.scale.max": str(part.replicas)},
            "annotations": _PROBES,
        }
        for part in SERVICES
        if part.function
    }


def _setting(name: str, defaults: Mapping[str, str] = _DEFAULTS) -> str:
    return f"${{{name}:-{defaults.get(name, '')}}}"


def _scale_from_zero(members: Sequence[Declaration]) -> dict[str, str]:
    resources = members[0].resources
    return {
        "com.openfaas.scale.min": str(max(resources.min_scale, 1)),
        "com.openfaas.scale.max": str(resources.max_scale),
        "com.openfaas.scale.type": "capacity",
        "com.openfaas.scale.target": str(resources.concurrency),
        "com.openfaas.scale.zero": str(resources.min_scale == 0).lower(),
        "com.openfaas.scale.zero-duration": "15m",
    }


def _scale_within_five(members: Sequence[Declaration]) -> dict[str, str]:
    most = max(each.resources.max_scale for each in members)
    return {"com.openfaas.scale.min": "1", "com.openfaas.scale.max": str(min(most, 5))}


def together(environments: Iterable[Environment]) -> Environment:
    """Return what a container needs that serves several functions."""
    every = list(environments)
    found = {each.group for each in every}
    return Environment(
        databases=tuple(sorted({name for each in every for name in each.databases})),
        settings=tuple(sorted({name for each in every for name in each.settings})),
        secrets=tuple(sorted({name for each in every for name in each.secrets})),
        group=found.pop() if len(found) == 1 else ALL_DEPENDENCIES,
    )


def megabytes(quantity: str) -> int:
    """Return a quantity of memory (`128Mi`, `1Gi`) in MiB."""
    units = {"Mi": 1, "Gi": 1024}
    return int(quantity[:-2]) * units[quantity[-2:]]
