"""Asks shared_psql which sessions have ended: at once for those who connect, and every two seconds for everybody.

The end of a session also arrives as an event, and sooner. The question is for those who connect, and for events that
were missed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from core.postgres.errors import Error
from core.postgres.session import Session
from functions.domain.api_errors import Unavailable
from functions.services.realtime.asker import Asker

log = logging.getLogger(__name__)

SECONDS: Final = 2
"""The pause between two questions for everybody. A client whose session has ended is cut within five seconds."""

REVOKED: Final = "select session_id from revoked_sessions where session_id = any(:ids)"


class SessionsUnknown(Unavailable):
    """Your session can't be checked just now: try again shortly."""


class Sessions:
    """Asks which of many sessions have ended. All but the question itself runs on the event loop's thread."""

    def __init__(self, connected: Callable[[], list[str]], ended: Callable[[set[str]], None]) -> None:
        """Ask again and again for the sessions that `connected` returns, and tell `ended` which have ended."""
        self._connected = connected
        self._ended = ended
        self._waiting: dict[str, list[asyncio.Future[bool]]] = {}
        self._wanted = asyncio.Event()
        self._asker = Asker("sessions")

    async def has_ended(self, session_id: str) -> bool:
        """Return whether a session has ended, or raise SessionsUnknown."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(session_id, []).append(answer)
        self._wanted.set()
        return await answer

    async def check(self) -> bool:
        """Ask for everybody who is connected or waits; return whether there was an answer."""
        self._wanted.clear()
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._asker.ask(partial(_ended_of, session_ids=[*self._connected(), *waiting]))
        except (Error, OSError, TimeoutError) as error:
            log.warning("shared_psql can't be asked for sessions that have ended: %s", error)
            for each in _open(waiting):
                each.set_exception(SessionsUnknown())
            return False
        for session_id, answers in waiting.items():
            for each in _open({session_id: answers}):
                each.set_result(session_id in found)
        self._ended(found)
        return True

    async def run(self) -> None:
        """Ask whenever somebody comes, and every two seconds for all."""
        self._asker.start()
        while True:
            await self.check()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), SECONDS)


def _ended_of(session: Session, session_ids: list[str]) -> set[str]:
    return {str(session_id) for [session_id] in session.run(REVOKED, ids=session_ids)}


def _open(waiting: dict[str, list[asyncio.Future[bool]]]) -> list[asyncio.Future[bool]]:
    """Return the answers that somebody still waits for."""
    return [answer for answers in waiting.values() for answer in answers if not answer.done()]
