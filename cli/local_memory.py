"""The memory of an agent on its author's machine: kept by this process, as long as it runs."""

from http import HTTPStatus

from typing_extensions import override
from uvicorn._types import HTTPScope

from functions.services.agent_host.memory_door import Answer, MemoryDoor, refused


class LocalMemory(MemoryDoor):
    """The door to it, behind which nobody else is."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        super().__init__("")
        self._values: dict[str, bytes] = {}
        """By their paths."""

    @override
    async def passed_on(self, scope: HTTPScope, token: str, body: bytes) -> Answer:
        """Keep, tell or forget a value."""
        path = scope["path"]
        if scope["method"] == "PUT":
            self._values[path] = body
            return HTTPStatus.NO_CONTENT, "", b""
        if scope["method"] == "DELETE":
            self._values.pop(path, None)
            return HTTPStatus.NO_CONTENT, "", b""
        if path not in self._values:
            return refused(HTTPStatus.NOT_FOUND, "memory_entry_not_found")
        return HTTPStatus.OK, "application/json", self._values[path]
