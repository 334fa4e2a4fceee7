"""Asks shared_psql which sessions have ended: at once for those who connect, and every two seconds for everybody.

The end of a session also arrives as an event, and sooner. The question is for those who connect, and for events that
were missed.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from core.postgres.errors import Error
from core.postgres.session import Reconnecting
from functions.domain.api_errors import Unavailable

log = logging.getLogger(__name__)

SECONDS: Final = 2
"""The pause between two questions for everybody. A client whose session has ended is cut within five seconds."""

TIMEOUT: Final = 5
"""Seconds that one question may take."""

REVOKED: Final = "select session_id from revoked_sessions where session_id = any(:ids)"

_Question = tuple[list[str], "asyncio.Future[set[str]]"]


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
        self._asker = _Asker(asyncio.get_running_loop())

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
            found = await asyncio.wait_for(self._asker.ask([*self._connected(), *waiting]), TIMEOUT)
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


def _open(waiting: dict[str, list[asyncio.Future[bool]]]) -> list[asyncio.Future[bool]]:
    """Return the answers that somebody still waits for."""
    return [answer for answers in waiting.values() for answer in answers if not answer.done()]


class _Asker(threading.Thread):
    """The connection, on a thread of its own that nobody waits for at the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="sessions", daemon=True)
        self._loop = loop
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._database = Reconnecting("shared_psql", "gateway", name="botberi-gateway")

    def ask(self, session_ids: list[str]) -> "asyncio.Future[set[str]]":
        answer: asyncio.Future[set[str]] = self._loop.create_future()
        self._questions.put((session_ids, answer))
        return answer

    def run(self) -> None:
        while True:
            session_ids, answer = self._questions.get()
            if answer.cancelled():
                continue
            try:
                found = self._ask_again(session_ids)
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                self._loop.call_soon_threadsafe(_refuse, answer, error)
            else:
                self._loop.call_soon_threadsafe(_give, answer, found)

    def _ask_again(self, session_ids: list[str]) -> set[str]:
        """Ask, and once more on a new connection, since Postgres may have restarted."""
        if self._database.is_open:
            with contextlib.suppress(Error, OSError):
                return self._ask(session_ids)
        return self._ask(session_ids)

    def _ask(self, session_ids: list[str]) -> set[str]:
        try:
            return {str(session_id) for [session_id] in self._database.open().run(REVOKED, ids=session_ids)}
        except BaseException:
            self._database.close()
            raise


def _give(answer: "asyncio.Future[set[str]]", found: set[str]) -> None:
    if not answer.done():
        answer.set_result(found)


def _refuse(answer: "asyncio.Future[set[str]]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
