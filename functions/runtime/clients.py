"""The client that a request comes from, as the edge tells of it."""

import flask

from functions.domain.client import Client, device_of, network_of


def of_request(request: flask.Request) -> Client:
    """Return what the edge says of the client, or the connection where there is no edge.

    The edge replaces the header, so that its last address is the one that the edge was called from.
    """
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
    address = told or request.remote_addr or ""
    return Client(network_of(address), device_of(request.headers.get("User-Agent", "")))
