"""What is said of an endpoint of MCP to whoever wants to be let in (RFC 9728)."""

from typing import ClassVar, Final

from events import envelope
from functions.schemas.base import Reply

API_URL: Final = "API_URL"

PLACE: Final = "/.well-known/oauth-protected-resource"
"""Where it is, followed by the path of what is asked."""


class ResourceMetadata(Reply):
    """A protected resource: which tokens it takes."""

    cache_control: ClassVar[str] = "public, max-age=3600"

    resource: str
    resource_name: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_documentation: str


def of_path(path: str) -> ResourceMetadata:
    """Return the metadata of the endpoint at a path."""
    api = envelope.api()
    return ResourceMetadata(
        resource=f"{api}{path}",
        resource_name="Botberi",
        authorization_servers=[api],
        scopes_supported=["user"],
        bearer_methods_supported=["header"],
        resource_documentation=f"{api}/docs",
    )
