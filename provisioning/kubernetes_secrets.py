"""`botberi secrets kubernetes FOLDER | kubectl apply -f -`: secrets as Kubernetes keeps them.

What FOLDER lacks is generated into it. Every file becomes a Secret of its name that holds it under its name. Two are
derived: what RabbitMQ and Redis are told of their users.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from provisioning import secrets

_OF_PEOPLE: Final = (secrets.ADMINISTRATOR_FACTOR, secrets.ADMINISTRATOR_SESSION)
"""What may be in FOLDER too, and is nothing to the functions."""

HEAD: Final = "# Holds secrets: pipe it to kubectl, and keep it nowhere.\n"


def manifests(folder: Path) -> Iterator[dict[str, object]]:
    """Yield the Secrets for the files of `folder`, after generating those that are missing."""
    secrets.generate(folder)
    kept = [file for file in sorted(folder.iterdir()) if file.is_file() and file.name not in _OF_PEOPLE]
    files = {file.name: file.read_text(encoding="utf-8") for file in kept}
    for name, text in files.items():
        yield _secret(name, {name: text})
    for name, text in secrets.derived(folder).items():
        # RabbitMQ goes by the ending.
        yield _secret(name, {"definitions.json" if name == secrets.DEFINITIONS else name: text})


def _secret(name: str, data: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "botberi", "labels": {"app.kubernetes.io/part-of": "botberi"}},
        "type": "Opaque",
        "stringData": data,
    }


def text(folder: Path) -> str:
    """Return the Secrets as YAML."""
    return HEAD + yaml.safe_dump_all(manifests(folder), sort_keys=False, explicit_start=True)
