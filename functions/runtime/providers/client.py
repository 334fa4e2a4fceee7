"""The client that a request comes from, for a handler that keeps it or goes by it."""

from typing_extensions import override

from functions.domain.client import Client, device_of, network_of
from functions.runtime.providers.base import Call, Provider

__all__ = ["Client"]


class FromClient(Provider):
    """Fills a parameter that is a `Client`."""

    types = (Client,)

    @override
    def value(self, call: Call) -> Client:
        """Return what the edge says of the client, or the connection where there is no edge.

        The edge replaces the header, so that its last address is the one that the edge was called from.
        """
        told = call.request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        address = told or call.request.remote_addr or ""
        return Client(network_of(address), device_of(call.request.headers.get("User-Agent", "")))
