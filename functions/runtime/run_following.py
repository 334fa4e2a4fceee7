"""Runs that this process' responses follow: what happens in one is read once for all of them.

Hints by Redis tell of what was written, and bring it. The truth is Postgres: where a hint leaves something out, or none
come, it is looked for there, by one look for all who follow a run.
"""

import asyncio
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from pydantic import ValidationError

from core.configuration import MissingSettingError
from functions.domain.runs import reading
from functions.domain.runs.reading import State
from functions.runtime import redis_users
from shared_psql_models.runs import EventType, RunEvent, RunStatus

if TYPE_CHECKING:
    from functions.runtime.providers.runs import RunTransactions

log = logging.getLogger(__name__)

USER: Final = "follower"
"""The user of Redis."""

AT_ONCE: Final = 500
"""Events that are read at a time."""

KEPT: Final = 200
"""The last events that are kept of a run for those who follow it; who is behind them reads by itself."""

SWEEP_SECONDS: Final = 1.0
"""How often a run is looked at though hints come: how late an event is at most whose hint is lost."""

FRESH_SECONDS: Final = 0.015
"""How old what was read may be where no hints come: others have looked at this very moment."""


SOON: Final = 10
"""Seconds for which what has paused is looked at as often as what goes on."""


@dataclass(frozen=True)
class Found:
    """What there is after a number."""

    events: Sequence[RunEvent]
    """In their order."""
    state: State
    """How far the run had come when it was read last."""
    more: bool = False
    """Whether there may be more already."""


class FollowedRun:
    """A run that somebody follows."""

    def __init__(self, run_id: str) -> None:
        """Know nothing of it yet."""
        self.run_id = run_id
        self._lock = threading.Lock()
        self._state: State | None = None
        self._kept: deque[RunEvent] = deque(maxlen=KEPT)
        self._last = 0
        """The number up to which events are known."""
        self._looked_at = float("-inf")
        self._missed = False
        """Whether there is something that no hint has brought."""
        self._unsure = False
        """Whether there may be, since hints arrive only from a moment ago on."""
        self._hinted = False
        """Whether hints of it arrive."""
        self._wakes: set[Callable[[], None]] = set()

    @contextmanager
    def followed(self, wake: Callable[[], None]) -> Iterator[None]:
        """Follow it inside of the block: `wake` is called, on any thread, when there may be news."""
        with _REGISTRY.lock:
            self._wakes.add(wake)
            if len(self._wakes) == 1:
                _REGISTRY.listen(self)
        try:
            yield
        finally:
            with _REGISTRY.lock:
                self._wakes.discard(wake)
                if not self._wakes:
                    self._hinted = False
                    _REGISTRY.leave(self)

    @property
    def _is_told(self) -> bool:
        """Whether hints bring whatever happens, so that Postgres is looked into to be safe alone."""
        return self._hinted and not self._unsure

    def begin(self, event: RunEvent) -> None:
        """Know the first event of a run that has just been accepted: nobody has to look for it."""
        with self._lock:
            if self._state is None:
                self._keep(event)
                self._looked_at = monotonic()

    def pace(self, idle: float) -> float:
        """Return for how long to rest, unless it is woken, when nothing has come for some seconds."""
        if self._is_told:
            return SWEEP_SECONDS
        if idle < 1:
            return 0.02
        at_work = self._state is None or self._state.status is RunStatus.RUNNING
        return 0.1 if idle < SOON or at_work else 0.5

    def find(self, transactions: "RunTransactions", after: int) -> Found:
        """Return what there is after a number. Raises RunNotFound, DatabaseUnavailable."""
        with self._lock:
            state, more = self._look(transactions)
            first = self._last - len(self._kept)
            if after >= first:
                return Found([each for each in self._kept if each.sequence > after], state, more)
        with transactions.reading() as db:
            events = reading.events(db, self.run_id, after=after, limit=AT_ONCE)
        return Found(events, state, len(events) == AT_ONCE)

    def state(self, transactions: "RunTransactions") -> State:
        """Return how far it has come. Raises RunNotFound, DatabaseUnavailable."""
        with self._lock:
            return self._look(transactions)[0]

    def _look(self, transactions: "RunTransactions") -> tuple[State, bool]:
        """Look into Postgres, unless what is known is fresh; return the state, and whether there may be more."""
        age = monotonic() - self._looked_at
        fresh = SWEEP_SECONDS if self._is_told else FRESH_SECONDS
        if self._state is not None and not self._missed and age < fresh:
            return self._state, False
        # Before it is read: what is hinted at meanwhile may not be seen.
        self._missed = self._unsure = False
        try:
            with transactions.reading() as db:
                if self._state is None:
                    self._state = reading.state(db, self.run_id)
                    self._last = self._state.last_sequence
                    found = []
                else:
                    found = reading.events(db, self.run_id, after=self._last, limit=AT_ONCE)
        except BaseException:
            self._missed = True
            raise
        self._looked_at = monotonic()
        for each in found:
            self._keep(each)
        self._missed = self._missed or len(found) == AT_ONCE
        assert self._state is not None  # noqa: S101 - tells the type checker what was read above
        return self._state, len(found) == AT_ONCE

    def _keep(self, event: RunEvent) -> None:
        self._kept.append(event)
        self._last = event.sequence
        if event.type is EventType.STATUS:
            self._state = State(RunStatus(str(event.data["status"])), event.sequence)

    def hear(self, hint: str) -> None:
        """Take what a hint tells."""
        try:
            events = [RunEvent.model_validate({**each, "run_id": self.run_id}) for each in json.loads(hint)["events"]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            log.warning("what came on the channel of a run is no hint: %r", error)
            events = []
        self._take(events)
        self.wake()

    def _take(self, events: Sequence[RunEvent]) -> None:
        # Whoever looks into Postgres at this moment isn't waited for, and looks again.
        if not self._lock.acquire(blocking=False):
            self._missed = True
            return
        try:
            for event in events:
                if event.sequence == self._last + 1 and self._state is not None:
                    self._keep(event)
                    # Nothing came between it and what was known.
                    self._unsure = False
                elif event.sequence > self._last:
                    self._missed = True
                    return
            self._missed = self._missed or not events
        finally:
            self._lock.release()

    def listening(self, *, hinted: bool) -> None:
        """Know whether hints arrive from now on: what came before is looked for.

        Of what was looked at a moment ago the first hint tells whether anything did. Unless one comes, it is looked at
        when those who follow it have rested as long as without hints.
        """
        # First, so that nobody rests long meanwhile.
        self._unsure = hinted and self._state is not None and monotonic() - self._looked_at < FRESH_SECONDS
        self._hinted = hinted
        if not self._unsure:
            self._missed = True
            self.wake()

    def wake(self) -> None:
        """Have all who follow it look."""
        for each in tuple(self._wakes):
            each()


class _Registry:
    """The runs that are followed, and what listens for them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._runs: WeakValueDictionary[str, FollowedRun] = WeakValueDictionary()

    def run(self, run_id: str) -> FollowedRun:
        with self.lock:
            run = self._runs.get(run_id)
            if run is None:
                run = self._runs[run_id] = FollowedRun(run_id)
            return run

    def listen(self, run: FollowedRun) -> None:
        if self._listener is not None:
            self._listener.follow(run.run_id)

    def leave(self, run: FollowedRun) -> None:
        if self._listener is not None:
            self._listener.leave(run.run_id)

    @cached_property
    def _listener(self) -> "_Listener | None":
        try:
            redis_users.login(USER)
        except MissingSettingError as error:
            log.warning("runs are followed by way of Postgres alone: %s", error)
            return None
        return _Listener(self)

    def hear(self, run_id: str, hint: str) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            run.hear(hint)

    def listening(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            run.listening(hinted=True)

    def lost(self) -> None:
        with self.lock:
            followed = list(self._runs.values())
        for run in followed:
            run.listening(hinted=False)


class _Listener:
    """Listens for runs on an event loop of its own, whose thread nobody waits for at the end."""

    def __init__(self, registry: _Registry) -> None:
        # Its import is slow.
        from functions.runtime.run_hints import RunHints

        self._loop = asyncio.new_event_loop()
        self._hints = RunHints(USER, registry.hear, registry.listening, registry.lost)
        threading.Thread(target=self._run, name="run-hints", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._hints.run())

    def follow(self, run_id: str) -> None:
        self._loop.call_soon_threadsafe(self._hints.follow, run_id)

    def leave(self, run_id: str) -> None:
        self._loop.call_soon_threadsafe(self._hints.leave, run_id)


_REGISTRY: Final = _Registry()


def followed(run_id: str) -> FollowedRun:
    """Return a run as this process follows it."""
    return _REGISTRY.run(run_id)
