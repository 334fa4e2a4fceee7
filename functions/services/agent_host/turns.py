"""Turns: which calls are at work, within bounds for each instance, each owner and the host; others wait in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

OF_AN_INSTANCE: Final = 4
"""Calls of one instance that are at work at a time."""

WAITING: Final = 16
"""Calls of one owner that may wait."""

PATIENCE: Final = 3.0
"""Seconds that a call waits for its turn."""


class BusyError(Exception):
    """A call's turn didn't come: its `code` says what it waited for."""

    def __init__(self, code: str) -> None:
        """`code` is `agent_busy`, `owner_busy` or `platform_full`."""
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class _Waiting:
    instance: str
    owner: str
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """Gives turns in the order in which they were asked for, past those whose own bounds are reached."""

    def __init__(self, *, host: int, owner: int, instance: int = OF_AN_INSTANCE, patience: float = PATIENCE) -> None:
        """Allow so many calls at a time to the host, to each owner and to each instance."""
        self._bounds = host, owner, instance
        self._patience = patience
        self._instances: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []

    @property
    def taken(self) -> int:
        """How many calls are at work."""
        return self._owners.total()

    @asynccontextmanager
    async def turn(self, instance: str, owner: str) -> AsyncIterator[None]:
        """Wait for a turn and have it inside of the block. Raises BusyError."""
        await self._take(instance, owner)
        try:
            yield
        finally:
            self._give_back(instance, owner)

    async def _take(self, instance: str, owner: str) -> None:
        mine = _Waiting(instance, owner)
        if self._full(mine) and sum(each.owner == owner for each in self._waiting) >= WAITING:
            raise BusyError(self._full(mine))
        self._waiting.append(mine)
        self._grant()
        try:
            await asyncio.wait([mine.turn], timeout=self._patience)
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._give_back(instance, owner)
            raise
        if mine in self._waiting:
            self._waiting.remove(mine)
            raise BusyError(self._full(mine))

    def _give_back(self, instance: str, owner: str) -> None:
        self._instances -= Counter([instance])
        self._owners -= Counter([owner])
        self._grant()

    def _grant(self) -> None:
        for each in list(self._waiting):
            if not self._full(each):
                self._waiting.remove(each)
                self._instances[each.instance] += 1
                self._owners[each.owner] += 1
                each.turn.set_result(None)

    def _full(self, call: _Waiting) -> str:
        """Return what keeps a call from its turn; nothing if nothing does."""
        host, owner, instance = self._bounds
        if self._instances[call.instance] >= instance:
            return "agent_busy"
        if self._owners[call.owner] >= owner:
            return "owner_busy"
        return "platform_full" if self.taken >= host else ""
