"""The events of the last minutes, for those who were away for a moment."""

from collections import deque
from typing import Final

from functions.services.realtime.received_event import ReceivedEvent

KEPT: Final = 10_000
KEPT_SECONDS: Final = 120
"""The number of events that are kept at most, and the seconds."""

REPLAYED: Final = 200
"""The most that is sent at once to somebody who was away: beyond that they had better read the API."""

OVERLAP_SECONDS: Final = 10
"""The events of other sources that are sent again to somebody who comes back, in seconds before the last they know.

Events of one source come to every gateway in the same order, those of different sources don't: what another gateway
sent after an event, this one may have received before it. Clients know by its id an event that comes twice."""


class Recent:
    """Events that belong to somebody, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all: deque[ReceivedEvent] = deque()
        self._by_account: dict[str, deque[ReceivedEvent]] = {}

    def keep(self, event: ReceivedEvent) -> None:
        """Remember an event, and forget what is too old or too much."""
        if event.owner is None:
            return
        self._all.append(event)
        self._by_account.setdefault(event.owner, deque()).append(event)
        while len(self._all) > KEPT or self._all[0].received_at < event.received_at - KEPT_SECONDS:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        owner = str(self._all.popleft().owner)
        own = self._by_account[owner]
        own.popleft()
        if not own:
            del self._by_account[owner]

    def forget(self) -> None:
        """Forget everything: there is a gap behind it."""
        self._all.clear()
        self._by_account.clear()

    def since(self, account_id: str, event_id: str) -> list[ReceivedEvent] | None:
        """Return an account's events since one of them; None if that one is unknown, or more than REPLAYED followed."""
        own = list(self._by_account.get(account_id, ()))
        known = next((at for at, each in enumerate(own) if each.id == event_id), None)
        if known is None:
            return None
        last = own[known]
        followed = [
            each
            for at, each in enumerate(own)
            if (at > known if each.source == last.source else each.received_at > last.received_at - OVERLAP_SECONDS)
        ]
        return followed if len(followed) <= REPLAYED else None
