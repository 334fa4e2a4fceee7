"""RabbitMQ's virtual hosts, by its management interface."""

import base64
import json
from http.client import HTTPConnection
from urllib.parse import quote

from provisioning import broker
from provisioning.local_settings import LOOPBACK
from tools.local.errors import LocalError


def create(vhost: str, management_port: int, password: str) -> None:
    """Make `vhost` anew, empty, with the permissions that each part has."""
    place = f"/api/vhosts/{quote(vhost, safe='')}"
    _send("DELETE", place, management_port, password)
    _send("PUT", place, management_port, password, {})
    for each in broker.permissions(vhost):
        rights = {kind: each[kind] for kind in ("configure", "write", "read")}
        user = f"/api/permissions/{quote(vhost, safe='')}/{each['user']}"
        _send("PUT", user, management_port, password, rights)


def _send(method: str, path: str, port: int, password: str, body: dict[str, str] | None = None) -> None:
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    credentials = base64.b64encode(f"botberi_admin:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status >= 300 and not (method == "DELETE" and status == 404):  # noqa: PLR2004 - HTTP statuses
        message = f"RabbitMQ's management answered {status} to {method} {path}"
        raise LocalError(message)
