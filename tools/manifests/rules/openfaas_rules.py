"""What a stack file must keep to: faas-cli ignores what it doesn't know, and OpenFaaS what it doesn't understand."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from tools.documents import Document

Rule = Callable[[Document], Iterator[str]]

_RESOURCES: Final = frozenset({"memory", "cpu"})

_FUNCTION: Final = frozenset(
    (
        *("lang", "handler", "image", "fprocess", "environment", "environment_file", "secrets", "constraints"),
        *("labels", "annotations", "limits", "requests", "readonly_root_filesystem", "namespace", "platforms"),
        *("skip_build", "build_options", "build_args", "build_secrets"),
    )
)

KNOWN: Final = frozenset({"version", "provider", "configuration", "functions"})
"""The keys of faas-cli 0.18's stack schema; above it those of a function, and of its limits and requests."""

SERVED: Final = {"botberi": "FUNCTION", "botberi-group": "FUNCTIONS"}
"""The build argument that names what is served, by template."""

COMMUNITY_MOST: Final = 15
COMMUNITY_REPLICAS: Final = 5
COMMUNITY_REFUSES: Final = tuple(f"com.openfaas.scale.{name}" for name in ("zero", "zero-duration", "target", "type"))


def known_keys(stack: Document) -> Iterator[str]:
    """Only keys that faas-cli knows: a misspelt one is ignored without a word."""
    places = [("", stack, KNOWN), ("provider", stack["provider"], frozenset({"name", "gateway"}))]
    for name, function in stack["functions"].items():
        places.append((name, function, _FUNCTION))
        places.extend((f"{name}.{key}", function.get(key, {}), _RESOURCES) for key in ("limits", "requests"))
    for place, mapping, known in places:
        for key in mapping.keys() - known:
            yield f"{place}: faas-cli doesn't know {key!r}"


def substitutions(text: str) -> Iterator[str]:
    """Only `${NAME:-default}`: `${NAME-default}` breaks the file, and `${NAME:?text}` becomes the text."""
    for found in re.findall(r"\$\{[^}]*\}?", text):
        if not re.fullmatch(r"\$\{[A-Z][A-Z0-9_]*:-[^{}$]*\}", found):
            yield f"{found} is not of the form ${{NAME:-default}}"


def names(stack: Document) -> Iterator[str]:
    """Functions' names are RFC 1123 labels."""
    for name in stack["functions"]:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
            yield f"{name} is no RFC 1123 label"


def strings(stack: Document) -> Iterator[str]:
    """Labels, annotations and environment variables are strings, or deploying fails."""
    for name, function in stack["functions"].items():
        for kind in ("labels", "annotations", "environment"):
            for key, value in function.get(kind, {}).items():
                if not isinstance(value, str):
                    yield f"{name}: {kind}.{key} is not a string"


def scale_by_labels(stack: Document) -> Iterator[str]:
    """Scaling is told by labels and always bounded; `topic` is an annotation, and nothing here has one."""
    for name, function in stack["functions"].items():
        if int(function["labels"].get("com.openfaas.scale.max", 0)) < 1:
            yield f"{name}: com.openfaas.scale.max is missing"
        for key in function["annotations"]:
            if key.startswith("com.openfaas.scale"):
                yield f"{name}: {key} is a label, not an annotation"
        if "topic" in function["labels"] or "topic" in function["annotations"]:
            yield f"{name}: events come from the dispatcher, not from a connector's topic"


def contained(stack: Document) -> Iterator[str]:
    """Keep the root read-only, bound memory and processor, tell the threads, ask for health."""
    for name, function in stack["functions"].items():
        if function.get("readonly_root_filesystem") is not True:
            yield f"{name}: the root file system is writable"
        for kind in ("limits", "requests"):
            if set(function.get(kind, {})) != {"memory", "cpu"}:
                yield f"{name}: {kind} lack memory or cpu"
        if not function["environment"].get("THREADS", "").isdigit():
            yield f"{name}: THREADS is not set"
        if function["annotations"].get("com.openfaas.health.http.path") != "/_/health":
            yield f"{name}: nobody asks for /_/health"


def small_builds(stack: Document) -> Iterator[str]:
    """Each build copies one API: `handler: .` would copy the whole repository for every function."""
    built = {name: each for name, each in stack["functions"].items() if not each.get("skip_build")}
    for name, function in built.items():
        if not re.fullmatch(r"\./functions/[a-z]+", function["handler"]):
            yield f"{name}: handler {function['handler']} is no API's folder"
        if not {"BASE", "API", SERVED.get(function["lang"])} <= set(function["build_args"]):
            yield f"{name}: build_args lack BASE, API or what is served"


def no_secret_values(stack: Document) -> Iterator[str]:
    """Secrets are files; no environment variable is one."""
    for name, function in stack["functions"].items():
        for key in function["environment"]:
            if re.search(r"PASSWORD|SECRET|TOKEN|SIGNING|PRIVATE", key):
                yield f"{name}: {key} belongs into a secret"


def community(stack: Document) -> Iterator[str]:
    """Keep to what the Community Edition allows: fifteen functions, five replicas, no scaling to zero."""
    if len(stack["functions"]) > COMMUNITY_MOST:
        yield f"{len(stack['functions'])} functions, where {COMMUNITY_MOST} are allowed"
    for name, function in stack["functions"].items():
        for label in COMMUNITY_REFUSES:
            if label in function["labels"]:
                yield f"{name}: the label {label} is refused"
        if int(function["labels"].get("com.openfaas.scale.max", 0)) > COMMUNITY_REPLICAS:
            yield f"{name}: more than {COMMUNITY_REPLICAS} replicas"


RULES: Final[tuple[Rule, ...]] = (
    known_keys,
    names,
    strings,
    scale_by_labels,
    contained,
    small_builds,
    no_secret_values,
)
"""For every stack, beside `substitutions` for its text; `community` too for that edition's."""
