"""The client that a request comes from, for a handler that keeps it or goes by it."""

from typing_extensions import override

from functions.domain.client import Client
from functions.runtime.clients import of_request
from functions.runtime.providers.base import Call, Provider

__all__ = ["Client"]


class FromClient(Provider):
    """Fills a parameter that is a `Client`."""

    types = (Client,)

    @override
    def value(self, call: Call) -> Client:
        """Return what is known of the client."""
        return of_request(call.request)
