"""`python -m functions.manifests.kubernetes_secrets FOLDER | kubectl apply -f -`: secrets as Kubernetes keeps them.

Every file of the folder becomes a Secret of its name that holds it under its name. What others want in forms of their
own is derived: RabbitMQ's users and permissions, and the connection of RabbitmqSources.
"""

import argparse
import base64
import hashlib
import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from events.topology import PERMISSIONS
from functions.manifests.yaml_text import dump_all

HEAD: Final = "# Holds secrets: pipe it to kubectl, and keep it nowhere.\n"

VHOST: Final = "botberi"


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the Secrets for the files of `folder`."""
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir()) if file.is_file()}
    for name, text in files.items():
        yield _secret(name, {name: text})
    yield _secret("event-bus-definitions", {"definitions.json": json.dumps(_definitions(files), indent=2)})
    yield _secret(
        "event-bus-source",
        {
            # Only the host is read from it, though it has to look like the address of the management page.
            "uri": f"http://event-bus.{VHOST}.svc.cluster.local",
            "port": "5672",
            "username": "botberi_dispatcher",
            "password": files["event-bus-dispatcher"],
        },
    )


def _secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "botberi", "labels": {"app.kubernetes.io/part-of": "botberi"}},
        "type": "Opaque",
        "stringData": data,
    }


def _definitions(files: dict[str, str]) -> dict[str, Any]:
    users = [
        {
            "name": user,
            "password_hash": _hash(files[user.replace("botberi_", "event-bus-")]),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["administrator"] if user == "botberi_admin" else [],
        }
        for user in PERMISSIONS
    ]
    permissions = [
        {"user": user, "vhost": VHOST, "configure": configure, "write": write, "read": read}
        for user, (configure, write, read) in PERMISSIONS.items()
    ]
    return {"users": users, "vhosts": [{"name": VHOST}], "permissions": permissions}


def _hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def main() -> None:
    """Write the Secrets to standard output."""
    parser = argparse.ArgumentParser(prog="kubernetes_secrets", description=__doc__)
    parser.add_argument("folder", type=Path, help="where each secret is a file of its name")
    sys.stdout.write(dump_all(HEAD, manifests(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
