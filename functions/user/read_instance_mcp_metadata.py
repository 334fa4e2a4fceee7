"""GET /.well-known/oauth-protected-resource/v1/instances/{instance}/mcp: how to be let in to an instance by MCP."""

from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.mcp.metadata import API_URL, ResourceMetadata, of_path
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "GET",
    "/.well-known/oauth-protected-resource/v1/instances/{instance}/mcp",
    resources=Resources(settings=(API_URL,)),
)
def read_instance_mcp_metadata(instance: InstanceId) -> ResourceMetadata:
    """Say it of any id, whether or not there is such an instance (RFC 9728)."""
    return of_path(f"/v1/instances/{instance}/mcp")
