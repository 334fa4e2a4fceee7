"""POST /v1/instances/{instance_id}/mcp: speak to an instance by the Model Context Protocol, 2026-07-28."""

from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.mcp import offers
from functions.domain.runs.accepting import TooManyRuns
from functions.domain.runs.budgets import BudgetExceeded
from functions.runtime.declarations import Later
from functions.runtime.endpoint import endpoint
from functions.runtime.event_stream import EventStream
from functions.runtime.mcp import serving
from functions.runtime.mcp.instance_server import InstanceServer
from functions.runtime.mcp.running import Runs
from functions.runtime.mcp.speaking import RESOURCES, Mcp, McpAnswer, McpBody, McpHeaders, respond
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/mcp",
    errors=(InstanceNotFound, TooManyRuns, BudgetExceeded, IdempotencyKeyReused),
    resources=RESOURCES,
    protocol=Mcp(),
    max_body=256 * 1024,
    audited=False,
)
def call_instance_by_mcp(
    caller: User, instance_id: InstanceId, body: McpBody, headers: McpHeaders, transaction: RunTransactions
) -> McpAnswer | Later | EventStream:
    """Its tools, prompts and resources are those that its version declares, else one tool `say`."""
    with transaction.reading() as db:
        offer = offers.of_instance(db, instance_id, caller.id)
    server = InstanceServer(Runs(caller, transaction, instance_id), instance_id, offer, headers.values)
    return respond(body, headers, lambda call: serving.serve(server.methods(), call))
