"""Asks shared_psql which sessions and API keys have ended: for who connects, and every two seconds for all.

The end of one also arrives as an event, and sooner. The question is for those who connect, and for events that were
missed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from core.postgres.errors import Error
from core.postgres.session import Session
from functions.domain.accounts import api_key_text
from functions.domain.api_errors import Unavailable
from functions.domain.live_api_keys import ENDED, FIND, NOTE_USE, ApiKey
from functions.services.realtime.asker import Asker

log = logging.getLogger(__name__)

SECONDS: Final = 2
"""The pause between two questions for everybody. A client whose session has ended is cut within five seconds."""

REVOKED: Final = "select session_id from revoked_sessions where session_id = any(:ids)"

_KEY: Final = "key_"
"""How the ids of API keys begin, by which they are told from those of sessions."""


class SessionsUnknown(Unavailable):
    """Your session or API key can't be checked just now: try again shortly."""


class Credentials:
    """Asks which sessions and keys of many have ended. All but the question itself runs on the event loop's thread."""

    def __init__(self, connected: Callable[[], list[str]], ended: Callable[[set[str]], None]) -> None:
        """Ask again and again for the ids that `connected` returns, and tell `ended` which have ended."""
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

    async def find_key(self, token: str) -> ApiKey | None:
        """Return the API key with this text and note its use; None if it isn't good. Raises SessionsUnknown."""
        if not api_key_text.is_well_formed(token):
            return None
        try:
            return await self._asker.ask(partial(_key_of, key_hash=api_key_text.hashed(token)))
        except (Error, OSError, TimeoutError) as error:
            log.warning("shared_psql can't be asked for an API key: %s", error)
            raise SessionsUnknown from None

    async def check(self) -> bool:
        """Ask for everybody who is connected or waits; return whether there was an answer."""
        self._wanted.clear()
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._asker.ask(partial(_ended_of, ids={*self._connected(), *waiting}))
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


def is_key(credential_id: str) -> bool:
    """Return whether an id is that of an API key, and not of a session."""
    return credential_id.startswith(_KEY)


def _ended_of(session: Session, ids: Collection[str]) -> set[str]:
    keys = [each for each in ids if is_key(each)]
    ended = session.run(ENDED, ids=keys) if keys else []
    revoked = session.run(REVOKED, ids=[each for each in ids if not is_key(each)])
    return {str(credential_id) for [credential_id] in (*revoked, *ended)}


def _key_of(session: Session, key_hash: str) -> ApiKey | None:
    rows = session.run(FIND, hash=key_hash)
    if not rows:
        return None
    [[key_id, account_id, scopes, expires_at, used_lately]] = rows
    key = ApiKey(key_id, account_id, frozenset(scopes), expires_at, used_lately)
    if not key.used_lately:
        # Whether it can be noted is nothing to whoever connects.
        with contextlib.suppress(Error):
            session.run(NOTE_USE, id=key.id)
    return key


def _open(waiting: dict[str, list[asyncio.Future[bool]]]) -> list[asyncio.Future[bool]]:
    """Return the answers that somebody still waits for."""
    return [answer for answers in waiting.values() for answer in answers if not answer.done()]
