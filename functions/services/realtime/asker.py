"""Asks shared_psql on a thread of its own, which nobody waits for at the end, and listens to a channel meanwhile."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from core.postgres.errors import Error
from core.postgres.session import Reconnecting, Session
from core.wakeup import Wakeup

T = TypeVar("T")

TIMEOUT: Final = 5
"""Seconds that one question may take."""

IDLE: Final = 60
"""Seconds after which the thread looks around though nothing was asked and nothing has come."""


class Asker(threading.Thread):
    """One connection to shared_psql, opened when it is needed. All but the questions run on the event loop's thread."""

    def __init__(
        self,
        name: str,
        *,
        channel: str = "",
        opened: Callable[[], None] = lambda: None,
        heard: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        """`heard` is given what notifications of `channel` say.

        What was said before `opened` is called is lost, each time; `heard` is given nothing when the connection is.
        """
        super().__init__(name=name, daemon=True)
        self._channel = channel
        self._opened = opened
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._wakeup = Wakeup()
        self._questions: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._database = Reconnecting("shared_psql", "gateway", name=f"botberi-gateway-{name}")

    async def ask(self, question: Callable[[Session], T]) -> T:
        """Return what `question` returns on the thread. Raises Error, OSError or TimeoutError."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._questions.put(partial(self._answer, question, answer))
        self._wakeup.poke()
        return await asyncio.wait_for(answer, TIMEOUT)

    def run(self) -> None:
        """Answer questions, and hand on what comes between them."""
        while True:
            open_socket = self._database.open().socket if self._database.is_open else None
            self._wakeup.wait(IDLE, open_socket)
            asked = not self._questions.empty()
            while not self._questions.empty():
                self._questions.get()()
            if self._channel and self._database.is_open:
                self._listen(whatever=not asked)

    def _listen(self, *, whatever: bool) -> None:
        """Hand on what has come. What came while a question was answered is there; else the server is asked for it."""
        try:
            if not (whatever or self._database.open().has_notifications):
                return
            told = [payload for _, payload in self._database.open().notifications()]
        except (Error, OSError):
            # Whoever has to know what was said meanwhile asks, which opens another.
            self._database.close()
            self._tell(self._heard, [])
        else:
            if told:
                self._tell(self._heard, told)

    def _answer(self, question: Callable[[Session], T], answer: "asyncio.Future[T]") -> None:
        if answer.cancelled():
            return
        try:
            found = self._ask_again(question)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            self._tell(_refuse, answer, error)
        else:
            self._tell(_give, answer, found)

    def _ask_again(self, question: Callable[[Session], T]) -> T:
        """Ask, and once more on a new connection, since Postgres may have restarted."""
        if self._database.is_open:
            with contextlib.suppress(Error, OSError):
                return self._ask(question)
        return self._ask(question)

    def _ask(self, question: Callable[[Session], T]) -> T:
        try:
            return question(self._open())
        except BaseException:
            self._database.close()
            raise

    def _open(self) -> Session:
        known = self._database.is_open
        session = self._database.open()
        if not known:
            session.limit(TIMEOUT)
            if self._channel:
                session.run(f"listen {self._channel}")
            self._tell(self._opened)
        return session

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(callback, *arguments)


def _give(answer: "asyncio.Future[T]", found: T) -> None:
    if not answer.done():
        answer.set_result(found)


def _refuse(answer: "asyncio.Future[T]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
