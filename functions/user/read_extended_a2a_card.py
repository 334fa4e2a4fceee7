"""GET /v1/instances/{instance_id}/a2a/rest/extendedAgentCard: the instance's card for its owner."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/a2a/rest/extendedAgentCard",
    errors=ERRORS,
    resources=operations.SIGNING,
    protocol=RestErrors(),
)
def read_extended_a2a_card(
    caller: User, instance_id: InstanceId, asked: A2ARequest, transactions: RunTransactions
) -> Result:
    """Return the card, which says the same as to everybody."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.get_extended_agent_card(asker, None)
