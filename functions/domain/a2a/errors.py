"""What A2A refuses requests with: each error has a reason and a code of JSON-RPC that its clients decide by."""

from typing import ClassVar

from functions.domain.api_errors import Malformed, NotFound


class A2AError:
    """What clients of A2A are told of an API error."""

    reason: ClassVar[str] = "INTERNAL_ERROR"
    """As `google.rpc.ErrorInfo` tells it."""
    rpc_code: ClassVar[int] = -32603
    rpc_status: ClassVar[str] = "FAILED_PRECONDITION"
    """As `google.rpc.Status` tells it."""


class TaskNotFound(A2AError, NotFound):
    """There is no such task, or it isn't yours."""

    reason = "TASK_NOT_FOUND"
    rpc_code = -32001
    rpc_status = "NOT_FOUND"


class TaskNotCancelable(A2AError, Malformed):
    """The task has ended: there is nothing to cancel."""

    reason = "TASK_NOT_CANCELABLE"
    rpc_code = -32002


class UnsupportedOperation(A2AError, Malformed):
    """This can't be done with this agent or task as it is now."""

    reason = "UNSUPPORTED_OPERATION"
    rpc_code = -32004


class ContentTypeNotSupported(A2AError, Malformed):
    """The agent doesn't take parts of this media type: its card names those that it takes."""

    reason = "CONTENT_TYPE_NOT_SUPPORTED"
    rpc_code = -32005
    rpc_status = "INVALID_ARGUMENT"


class VersionNotSupported(A2AError, Malformed):
    """This speaks A2A 1.0: send the header `A2A-Version: 1.0`. Without it a request is taken for one of 0.3."""

    reason = "VERSION_NOT_SUPPORTED"
    rpc_code = -32009


class InvalidParams(A2AError, Malformed):
    """The parameters aren't those of this operation."""

    reason = "INVALID_PARAMS"
    rpc_code = -32602
    rpc_status = "INVALID_ARGUMENT"


class InvalidRequest(A2AError, Malformed):
    """The body is no request of JSON-RPC 2.0."""

    reason = "INVALID_REQUEST"
    rpc_code = -32600
    rpc_status = "INVALID_ARGUMENT"


class MethodNotFound(A2AError, NotFound):
    """A2A 1.0 has no such method."""

    reason = "METHOD_NOT_FOUND"
    rpc_code = -32601
    rpc_status = "NOT_FOUND"
