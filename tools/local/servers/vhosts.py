"""RabbitMQ's virtual hosts, by its management interface."""

import json
from urllib.parse import quote

from urllib3 import make_headers

from core import http_client
from provisioning import broker
from provisioning.local_settings import LOOPBACK
from tools.local.errors import LocalError


def create(vhost: str, management_port: int, password: str) -> None:
    """Make `vhost` anew, empty, with the permissions of each service's user."""
    place = f"/api/vhosts/{quote(vhost, safe='')}"
    _send("DELETE", place, management_port, password)
    _send("PUT", place, management_port, password, {})
    for each in broker.permissions(vhost):
        rights = {kind: each[kind] for kind in ("configure", "write", "read")}
        user = f"/api/permissions/{quote(vhost, safe='')}/{each['user']}"
        _send("PUT", user, management_port, password, rights)


def _send(method: str, path: str, port: int, password: str, body: dict[str, str] | None = None) -> None:
    headers = make_headers(basic_auth=f"botberi_admin:{password}") | {"Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    url = f"http://{LOOPBACK}:{port}{path}"
    status = http_client.request(method, url, seconds=30, body=data, headers=headers).status
    if status >= 300 and not (method == "DELETE" and status == 404):
        message = f"RabbitMQ's management answered {status} to {method} {path}"
        raise LocalError(message)
