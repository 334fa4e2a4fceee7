"""`python -m functions.containers.kubernetes_secrets FOLDER | kubectl apply -f -`: secrets as Kubernetes keeps them.

What FOLDER lacks is generated into it. Every file becomes a Secret of its name that holds it under its name. One is
derived: what RabbitMQ is told of its users.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from functions.containers import secrets
from functions.local import rabbitmq_server, secrets_folder
from functions.manifests.yaml_text import dump_all

HEAD: Final = "# Holds secrets: pipe it to kubectl, and keep it nowhere.\n"


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the Secrets for the files of `folder`, after generating those that are missing."""
    secrets.generate(folder)
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir()) if file.is_file()}
    for name, text in files.items():
        yield _secret(name, {name: text})
    passwords = {part: files[f"event-bus-{part}"].strip() for part in secrets_folder.EVENT_BUS_PARTS}
    yield _secret("event-bus-definitions", {"definitions.json": json.dumps(rabbitmq_server.definitions(passwords))})


def _secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "botberi", "labels": {"app.kubernetes.io/part-of": "botberi"}},
        "type": "Opaque",
        "stringData": data,
    }


def main() -> None:
    """Write the Secrets to standard output."""
    parser = argparse.ArgumentParser(prog="kubernetes_secrets", description=__doc__)
    parser.add_argument("folder", type=Path, help="where each secret is a file of its name")
    sys.stdout.write(dump_all(HEAD, manifests(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
