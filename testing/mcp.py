"""A client of MCP, as bare as it can be: what it sends is what a test says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from testing.clients import Api
from testing.launches import Launched
from testing.responses import Response
from tools.documents import Document

TASKS: Final[Document] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
"""What a client can do that knows tasks."""

_META: Final = "io.modelcontextprotocol/"

_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


@dataclass
class Client:
    """Asks one server as a client of MCP does."""

    api: Api
    path: str
    token: str

    @classmethod
    def of(cls, instance: Launched) -> Self:
        """Return a client of an instance, with its owner's token."""
        return cls(instance.api, f"{instance.path}/mcp", instance.owner.token)

    def ask(
        self,
        method: str,
        *,
        can: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        token: str | None = None,
        **params: object,
    ) -> Response:
        """Send a request and return the answer; a header that is None is left out."""
        meta = {f"{_META}protocolVersion": "2026-07-28", f"{_META}clientCapabilities": can or {}}
        sent: dict[str, str | None] = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        if method in _NAMED or method.startswith("tasks/"):
            sent["Mcp-Name"] = str(params[_NAMED.get(method, "taskId")])
        sent |= headers or {}
        return self.api.user.post(
            self.path,
            json={"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": meta}},
            headers={name: value for name, value in sent.items() if value is not None},
            token=token or self.token,
        )

    def result(self, method: str, **params: Any) -> Document:
        """Return the result of a request, which has to have one."""
        answer = self.ask(method, **params)
        assert answer.status_code == 200, answer.text
        assert (answer.json["jsonrpc"], answer.json["id"]) == ("2.0", 7)
        return dict(answer.json["result"])

    def error(self, method: str, **params: Any) -> tuple[int, int]:
        """Return the HTTP status and the code of the error that a request is answered by."""
        answer = self.ask(method, **params)
        assert answer.json["id"] == 7
        return answer.status_code, answer.json["error"]["code"]
