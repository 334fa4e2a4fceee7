"""A run as a function of the API tells it: streamed as its events come, or waited for. No thread is taken meanwhile.

Both look into Postgres, in short transactions that only read: quickly at first, and then the slower the longer nothing
has come. Nothing of it is tied to the run: whoever leaves stops nothing, unless `on_leave` does.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from functions.domain.api_errors import Unavailable
from functions.domain.runs import reading
from functions.domain.runs.reading import State
from functions.runtime.event_stream import HEARTBEAT_SECONDS, EventStream, Frame, Read
from functions.runtime.providers import callers
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.waiting import Waiting
from shared_psql_models.runs import ENDED, EventType, Run, RunEvent, RunStatus

if TYPE_CHECKING:
    from functions.domain.databases import SharedDb
    from functions.runtime.declarations import Returned

SECONDS: Final = 570
"""How long a stream lasts, if its run does: a little less than a function may take. Then the client resumes it."""

AT_ONCE: Final = 500
"""Events that a stream reads at a time."""

SOON: Final = 10
"""Seconds for which what has paused is looked at as often as what goes on."""

PAUSED: Final = frozenset({*ENDED, RunStatus.INPUT_REQUIRED})
"""Statuses in which nothing comes before somebody does something."""

Translate = Callable[[RunEvent], Iterable[Frame]]
"""Returns what an event is told as. It sees them from the first that is read on, each once and in their order, and what
it returns follows from these alone: so whoever comes again is told the same."""


def plain(event: RunEvent) -> tuple[Frame]:
    """Return an event as it is streamed to who knows runs: its number, its type and its data."""
    return (Frame(json.dumps(event.data, ensure_ascii=False), id=event.sequence, event=event.type.value),)


def pace(idle: float, state: State | None = None) -> float:
    """Return for how many seconds to rest when nothing has come for some."""
    if idle < 1:
        return 0.02
    at_work = state is None or state.status is RunStatus.RUNNING
    return 0.1 if idle < SOON or at_work else 0.5


class RunStream(EventStream):
    """The events of a run, translated."""

    def __init__(  # noqa: PLR0913 - each is a fact about the stream, given by name
        self,
        transactions: SharedTransactions,
        run_id: str,
        caller: User,
        *,
        translate: Translate = plain,
        after: int = 0,
        ends: frozenset[RunStatus] = ENDED,
        opening: Sequence[Frame] = (),
        closing: Callable[[], Iterable[Frame]] = tuple,
        over: Callable[[], bool] | None = None,
        on_leave: Callable[[], None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Stream the run's events with higher numbers than `after`; the handler has found that it is the caller's.

        It ends behind the event that tells one of the statuses `ends`, if that is the newest, and at once if the run
        has such a status and no further events; else after SECONDS. It ends too where `over` says so of what was
        translated, for a stream of a part of the run. `opening` are frames that come first, and those that `closing`
        returns come last, unless the time was over. It ends early when the caller's session does.
        """
        super().__init__(self._look, after=after, seconds=SECONDS, pace=self._rest, on_leave=on_leave)
        self.headers = headers or {}
        self._transactions = transactions
        self._run_id = run_id
        self._caller = caller
        self._translate = translate
        self._ends = ends
        self._over = over
        self._opening = opening
        self._closing = closing
        self._state: State | None = None
        self._checked = monotonic()

    def _rest(self, idle: float) -> float:
        return pace(idle, self._state)

    def _look(self, after: int) -> Read:
        with self._transactions.reading() as db:
            events = reading.events(db, self._run_id, after=after, limit=AT_ONCE)
            self._check(db, silent=not events)
        frames = [*self._opening, *(frame for event in events for frame in self._translate(event))]
        self._opening = ()
        more = len(events) == AT_ONCE
        if events:
            self._state = _told(events) or self._state
            ended = not more and events[-1].type is EventType.STATUS and self._is_over()
        else:
            ended = self._is_over() and self._state is not None and self._state.last_sequence <= after
        ended = ended or (self._over is not None and self._over())
        if ended:
            frames += self._closing()
        return Read(frames, events[-1].sequence if events else after, more=more, ended=ended)

    def _check(self, db: "SharedDb", *, silent: bool) -> None:
        """Look at the run's state where nothing has come, and now and then at whether the session is still open.

        Raises RunNotFound and SessionRevoked.
        """
        late = monotonic() - self._checked >= HEARTBEAT_SECONDS
        if late:
            self._checked = monotonic()
            callers.check_session(self._caller, user=None, shared=db)
        if silent and (late or self._state is None):
            self._state = reading.state(db, self._run_id)

    def _is_over(self) -> bool:
        return self._state is not None and self._state.status in self._ends


def _told(events: Sequence[RunEvent]) -> State | None:
    """Return the state that the last of some events about it tells."""
    for event in reversed(events):
        if event.type is EventType.STATUS:
            return State(RunStatus(str(event.data["status"])), event.sequence)
    return None


def waiting(  # noqa: PLR0913 - each is a fact about what is waited for, given by name
    transactions: SharedTransactions,
    run_id: str,
    make: "Callable[[SharedDb, Run], Returned]",
    *,
    seconds: float,
    until: frozenset[RunStatus] = PAUSED,
    otherwise: "Callable[[], Returned] | None" = None,
    on_leave: Callable[[], None] | None = None,
) -> Waiting:
    """Return a reply that `make` makes of a run when it has one of the statuses `until`, or after so many seconds.

    If Postgres is away then, it is what `otherwise` returns, and without it 503: whoever has just begun a run must not
    be told that nothing came of it, and begin another.
    """

    def look(*, late: bool) -> "Returned | None":
        try:
            with transactions.reading() as db:
                if not late and reading.state(db, run_id).status not in until:
                    return None
                return make(db, reading.find(db, run_id, reading.Of()))
        except Unavailable:
            if otherwise is None:
                raise
            return otherwise() if late else None

    return Waiting(look, seconds=seconds, pace=pace, on_leave=on_leave)
