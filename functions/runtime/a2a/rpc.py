"""JSON-RPC 2.0: a request finds its operation by the name of its method."""

from collections.abc import Callable
from typing import Final

from pydantic import JsonValue

from functions.domain.a2a.errors import InvalidParams, InvalidRequest, MethodNotFound
from functions.domain.runs import reading
from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import Response, RpcBinding
from functions.runtime.a2a.following import Awaited, TaskStream
from functions.runtime.a2a.operations import Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions

Operation = Callable[[Asker[Response], JsonValue], Response | Awaited | TaskStream]

METHODS: Final[dict[str, Operation]] = {
    "SendMessage": operations.send_message,
    "SendStreamingMessage": operations.send_streaming_message,
    "GetTask": operations.get_task,
    "ListTasks": operations.list_tasks,
    "CancelTask": operations.cancel_task,
    "SubscribeToTask": operations.subscribe_to_task,
    "GetExtendedAgentCard": operations.get_extended_agent_card,
    "CreateTaskPushNotificationConfig": operations.create_push_config,
    "GetTaskPushNotificationConfig": operations.get_push_config,
    "ListTaskPushNotificationConfigs": operations.list_push_configs,
    "DeleteTaskPushNotificationConfig": operations.delete_push_config,
}


def answer(
    caller: User, instance_id: str, asked: A2ARequest, body: JsonValue, transactions: RunTransactions
) -> Response | Awaited | TaskStream:
    """Return what the request's method answers. Raises what it does, and InvalidRequest and MethodNotFound."""
    try:
        method, params, request_id = _read(body)
    except (InvalidRequest, MethodNotFound):
        # Who isn't there answers nothing, not even that.
        with transactions.reading() as db:
            reading.check_instance(db, instance_id, owner_id=caller.id)
        raise
    return method(Asker(caller, instance_id, asked, transactions, RpcBinding(request_id)), params)


def _read(body: JsonValue) -> tuple[Operation, JsonValue, JsonValue]:
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise InvalidRequest
    request_id, params = body.get("id"), body.get("params", {})
    if isinstance(request_id, dict | list | bool):
        raise InvalidRequest("The id of a request is text or a number.")
    method = METHODS.get(str(body["method"]))
    if method is None:
        raise MethodNotFound(f"A2A 1.0 has no method {str(body['method'])[:100]!r}.")
    if not isinstance(params, dict):
        raise InvalidParams("params: an object is wanted.")
    return method, params, request_id
