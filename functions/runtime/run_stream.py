"""A run as a function of the API tells it: streamed as its events come, or waited for. No thread is taken meanwhile.

Both follow the run together with all others of this process that do, and look at it when there is news. Nothing of it
is tied to the run: whoever leaves stops nothing, unless `on_leave` does.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from functions.domain.api_errors import Unavailable
from functions.domain.runs import reading
from functions.domain.runs.reading import State
from functions.runtime.event_stream import HEARTBEAT_SECONDS, EventStream, Frame, Read
from functions.runtime.providers import callers
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_following import followed
from functions.runtime.waiting import Waiting
from shared_psql_models.runs import ENDED, EventType, Run, RunEvent, RunStatus

if TYPE_CHECKING:
    from functions.domain.databases import SharedDb
    from functions.runtime.declarations import Returned
    from functions.runtime.http.resting import Rest

SECONDS: Final = 570
"""How long a stream lasts, if its run does: a little less than a function may take. Then the client resumes it."""

PAUSED: Final = frozenset({*ENDED, RunStatus.INPUT_REQUIRED})
"""Statuses in which nothing comes before somebody does something."""

Translate = Callable[[RunEvent], Iterable[Frame]]
"""Returns what an event is told as. It sees them from the first that is read on, each once and in their order, and what
it returns follows from these alone: so whoever comes again is told the same."""


def plain(event: RunEvent) -> tuple[Frame]:
    """Return an event as it is streamed to who knows runs: its number, its type and its data."""
    return (Frame(json.dumps(event.data, ensure_ascii=False), id=event.sequence, event=event.type.value),)


class RunStream(EventStream):
    """The events of a run, translated."""

    def __init__(
        self,
        transactions: RunTransactions,
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
        begun: RunEvent | None = None,
    ) -> None:
        """Stream the run's events with higher numbers than `after`; the handler has found that it is the caller's.

        It ends behind the event that tells one of the statuses `ends`, if that is the newest, and at once if the run
        has such a status and no further events; else after SECONDS. It ends too where `over` says so of what was
        translated, for a stream of a part of the run. `opening` are frames that come first, and those that `closing`
        returns come last, unless the time was over. It ends early when the caller's session or API key does.
        `begun` is the first event of a run that has just been accepted.
        """
        self._run = followed(run_id)
        if begun is not None:
            self._run.begin(begun)
        super().__init__(self._look, after=after, seconds=SECONDS, pace=self._run.pace, on_leave=on_leave)
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

    @override
    def parts(self, rest: "Rest") -> Generator[bytes, None, None]:
        """Yield the stream piece by piece; `rest` ends when there is news of the run."""
        with self._run.followed(rest.wake):
            yield from super().parts(rest)

    def _look(self, after: int) -> Read:
        found = self._run.find(self._transactions, after)
        self._check()
        events = found.events
        frames = [*self._opening, *(frame for event in events for frame in self._translate(event))]
        self._opening = ()
        if events:
            self._state = _told(events) or self._state
            ended = not found.more and events[-1].type is EventType.STATUS and self._is_over()
        else:
            self._state = found.state
            ended = self._is_over() and found.state.last_sequence <= after
        ended = ended or (self._over is not None and self._over())
        if ended:
            frames += self._closing()
        return Read(frames, events[-1].sequence if events else after, more=found.more, ended=ended)

    def _check(self) -> None:
        """Look now and then at whether the run is there, and the caller may still see it.

        Raises RunNotFound, SessionRevoked and ApiKeyInvalid.
        """
        if monotonic() - self._checked >= HEARTBEAT_SECONDS:
            self._checked = monotonic()
            with self._transactions.reading() as db:
                callers.check_open(self._caller, user=None, shared=db)
                reading.state(db, self._run_id)

    def _is_over(self) -> bool:
        return self._state is not None and self._state.status in self._ends


def _told(events: Sequence[RunEvent]) -> State | None:
    """Return the state that the last of some events about it tells."""
    for event in reversed(events):
        if event.type is EventType.STATUS:
            return State(RunStatus(str(event.data["status"])), event.sequence)
    return None


def waiting(
    transactions: RunTransactions,
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
    run = followed(run_id)

    def look(*, late: bool) -> "Returned | None":
        try:
            if not late and run.state(transactions).status not in until:
                return None
            with transactions.reading() as db:
                return make(db, reading.find(db, run_id, reading.Of()))
        except Unavailable:
            if otherwise is None:
                raise
            return otherwise() if late else None

    return Waiting(look, seconds=seconds, pace=run.pace, on_leave=on_leave, following=run.followed)
