"""POST /v1/mcp: use the platform by the Model Context Protocol, 2026-07-28: launch agents and talk to them."""

from dataclasses import replace

from functions.domain import verified_accounts
from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances import config_secrets, quotas
from functions.domain.runs.accepting import TooManyRuns
from functions.runtime.declarations import Later
from functions.runtime.endpoint import endpoint
from functions.runtime.event_stream import EventStream
from functions.runtime.mcp import serving
from functions.runtime.mcp.platform_server import PlatformServer
from functions.runtime.mcp.running import Runs
from functions.runtime.mcp.speaking import RESOURCES, Mcp, McpAnswer, McpBody, McpHeaders, respond
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions


@endpoint(
    "POST",
    "/v1/mcp",
    errors=(TooManyRuns, IdempotencyKeyReused),
    resources=replace(
        RESOURCES,
        settings=(*RESOURCES.settings, quotas.SETTING, verified_accounts.SETTING),
        secrets=(config_secrets.KEYS_NAME,),
    ),
    protocol=Mcp(),
    max_body=256 * 1024,
    audited=False,
)
def call_platform_by_mcp(
    caller: User, body: McpBody, headers: McpHeaders, transaction: RunTransactions
) -> McpAnswer | Later | EventStream:
    """Its tools do what the caller may do; what is said to an instance is a task where the client knows these."""
    server = PlatformServer(Runs(caller, transaction), headers.values)
    return respond(body, headers, lambda call: serving.serve(server.methods(), call))
