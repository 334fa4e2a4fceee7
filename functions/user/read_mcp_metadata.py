"""GET /.well-known/oauth-protected-resource/v1/mcp: how to be let in to the platform by MCP."""

from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.mcp.metadata import API_URL, ResourceMetadata, of_path


@endpoint("GET", "/.well-known/oauth-protected-resource/v1/mcp", resources=Resources(settings=(API_URL,)))
def read_mcp_metadata() -> ResourceMetadata:
    """Say which tokens are taken, and where (RFC 9728)."""
    return of_path("/v1/mcp")
