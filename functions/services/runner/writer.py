"""The writer: what agents say, written in batches of many runs in one transaction.

What is said first is written at once; what follows within a moment is written together, and pieces of text that follow
each other become one. Whoever says more than can be written waits.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError

from functions.domain.api_errors import Unavailable
from functions.domain.databases import SharedDb
from functions.domain.runs import reading, recording
from functions.domain.runs.reading import Of
from functions.domain.runs.recording import Batch, Piece
from functions.runtime.databases import shared_transaction
from functions.services.runner.live import Live
from shared_psql_models.runs import EventType, Run

log = logging.getLogger(__name__)

ROLE: Final = "runner"

MOMENT: Final = 0.025
"""Seconds from one batch of a run to the next, unless so much is said that it fills one."""

BATCH: Final = 8 * 1024
"""Bytes of a run with which a batch is full."""

WAITING: Final = 256 * 1024
"""Bytes of a run that may wait to be written."""

PAUSE: Final = 0.2
"""Seconds after which it is tried again to write to a Postgres that is away."""

Said = tuple[EventType, Mapping[str, JsonValue]]

Told = Sequence[Piece] | None
"""The events that tell a change; None where the lease was lost."""


class LeaseLost(Exception):
    """Another runner has the run, or it has ended: nothing of this one is written any more."""


class UnfitError(Exception):
    """What the agent said can't be kept by Postgres."""


class Stream:
    """What is said in one attempt, on its way. Its fields belong to the writer's lock."""

    def __init__(self, run: Run) -> None:
        """Begin after the run's last event."""
        self.run = run
        self.sequence = run.last_sequence
        self.waiting: list[Said] = []
        self.size = 0
        self.busy = False
        """Whether a part of it is being written."""
        self.due = 0.0
        """When the next batch may be written."""
        self.error: Exception | None = None
        """Why nothing of it is written any more."""

    @property
    def now(self) -> Run:
        """The run as its row is after what was written."""
        return self.run.model_copy(update={"last_sequence": self.sequence})


class Writer:
    """Writes for all runs of a runner, on a thread of its own."""

    def __init__(self, live: Live) -> None:
        """Tell `live` what was written."""
        self._live = live
        self._telling = threading.Lock()
        self._changed = threading.Condition()
        self._streams: set[Stream] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.pieces = 0
        self.batches = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what there is, and end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        with self._telling:
            self._live.close()

    def lose(self, stream: Stream) -> None:
        """Write nothing more of a run, whose lease is another's."""
        self._fail(stream, LeaseLost(stream.run.id))

    def add(self, stream: Stream, kind: EventType, data: Mapping[str, JsonValue]) -> None:
        """Have something written; wait while too much is waiting. Raises LeaseLost, UnfitError."""
        with self._changed:
            self._changed.wait_for(lambda: stream.size < WAITING or stream.error is not None)
            _check(stream)
            last = stream.waiting[-1] if stream.waiting else None
            text = data.get("text")
            if kind == EventType.TEXT and last is not None and last[0] == EventType.TEXT and isinstance(text, str):
                stream.waiting[-1] = (kind, {"text": f"{last[1]['text']}{text}"})
            else:
                stream.waiting.append((kind, data))
            stream.size += _size(data)
            self._streams.add(stream)
            self._changed.notify_all()

    def settle(self, stream: Stream, change: Callable[[SharedDb, Run], Told]) -> None:
        """Write what is waiting of a run, then change it, in one transaction. Raises LeaseLost, UnfitError.

        It is tried again as long as Postgres is away.
        """
        with self._changed:
            self._changed.wait_for(lambda: not stream.busy)
            _check(stream)
            batch, stream.busy = _numbered(stream), True
            stream.due = monotonic() + MOMENT
            self._streams.discard(stream)
        try:
            stream.sequence = self._settle(stream, batch, change)
        finally:
            with self._changed:
                stream.busy = False
                self._changed.notify_all()

    def _settle(self, stream: Stream, batch: list[Piece], change: Callable[[SharedDb, Run], Told]) -> int:
        """Return the number of the run's last event after the change."""
        again = False
        while True:
            try:
                written = _write(stream, batch, change, again=again)
            except Unavailable as error:
                log.warning("%s waits: %s", stream.run.id, error.__cause__ or error)
                again = True
                self.rest(stream)
            else:
                self._tell({stream.run.id: written.pieces})
                return written.last_sequence

    def _tell(self, written: Mapping[str, Sequence[Piece]]) -> None:
        with self._telling:
            self._live.tell(written)

    def rest(self, stream: Stream) -> None:
        """Wait a little before Postgres is asked again. Raises LeaseLost, UnfitError."""
        with self._changed:
            self._changed.wait_for(lambda: stream.error is not None or self._stopped, PAUSE)
            _check(stream)

    def _run(self) -> None:
        while (due := self._due()) is not None:
            self._write(due)

    def _due(self) -> list[tuple[Stream, list[Piece]]] | None:
        """Wait until something is to be written, and return it; None when there is nothing left and this is to end."""
        with self._changed:
            while True:
                now = monotonic()
                ready = [each for each in self._streams if not each.busy and (each.due <= now or each.size >= BATCH)]
                if ready:
                    for each in ready:
                        each.busy = True
                        each.due = now + MOMENT
                        self._streams.discard(each)
                    return [(each, _numbered(each)) for each in ready]
                if self._stopped and not self._streams:
                    return None
                first = min((each.due for each in self._streams if not each.busy), default=None)
                self._changed.wait(None if first is None else max(first - now, 0.001))

    def _write(self, due: list[tuple[Stream, list[Piece]]]) -> None:
        batches = [Batch(stream.run.id, stream.run.lease_token, pieces) for stream, pieces in due]
        try:
            with shared_transaction(ROLE) as db:
                lost = recording.append(db, batches)
        except Unavailable as error:
            log.warning("what was said in %d runs waits: %s", len(due), error.__cause__ or error)
            self._put_back(due)
            return
        except DBAPIError as error:
            if len(due) > 1:
                # One of them is to blame, and the others shall not suffer from it.
                for each in due:
                    self._write([each])
                return
            log.warning("%s can't be written: %s", due[0][0].run.id, type(error.orig).__name__)
            self._fail(due[0][0], UnfitError(due[0][0].run.id))
            return
        self.batches += 1
        self.pieces += sum(len(pieces) for _, pieces in due)
        # Before more of these runs may be written, so that it is told in order.
        self._tell({stream.run.id: pieces for stream, pieces in due if stream.run.id not in lost})
        with self._changed:
            for stream, pieces in due:
                stream.busy = False
                stream.sequence = pieces[-1].sequence
                if stream.run.id in lost:
                    stream.error = LeaseLost(stream.run.id)
            self._changed.notify_all()

    def _put_back(self, due: list[tuple[Stream, list[Piece]]]) -> None:
        with self._changed:
            for stream, pieces in due:
                stream.busy = False
                stream.waiting[:0] = [(piece.type, piece.data) for piece in pieces]
                stream.size += sum(_size(piece.data) for piece in pieces)
                stream.due = monotonic() + PAUSE
                if stream.error is None:
                    self._streams.add(stream)
            self._changed.notify_all()
            self._changed.wait(PAUSE)

    def _fail(self, stream: Stream, error: Exception) -> None:
        with self._changed:
            stream.error = stream.error or error
            stream.busy = False
            self._streams.discard(stream)
            self._changed.notify_all()


def _check(stream: Stream) -> None:
    if stream.error is not None:
        raise stream.error


def _numbered(stream: Stream) -> list[Piece]:
    """Take what is waiting of a run, with its numbers."""
    now = datetime.now(UTC)
    taken = [
        Piece(stream.sequence + number, now, kind, data) for number, (kind, data) in enumerate(stream.waiting, start=1)
    ]
    stream.waiting = []
    stream.size = 0
    return taken


@dataclass(frozen=True)
class _Written:
    pieces: Sequence[Piece]
    """What is to be told of."""
    last_sequence: int


def _write(stream: Stream, pieces: list[Piece], change: Callable[[SharedDb, Run], Told], *, again: bool) -> _Written:
    """Write in one transaction. Raises LeaseLost, UnfitError, Unavailable."""
    run = stream.run
    try:
        with shared_transaction(ROLE) as db:
            if pieces and recording.append(db, [Batch(run.id, run.lease_token, pieces)]):
                raise LeaseLost(run.id)
            last = pieces[-1].sequence if pieces else stream.sequence
            told = change(db, run.model_copy(update={"last_sequence": last}))
            if told:
                return _Written([*pieces, *told], told[-1].sequence)
            now = reading.find(db, run.id, Of()) if again else None
            if now is None or now.lease_token != run.lease_token or now.last_sequence <= last:
                raise LeaseLost(run.id)
            # It was written before, and the answer was lost.
            return _Written((), now.last_sequence)
    except DBAPIError as error:
        log.warning("%s can't be written: %s", run.id, type(error.orig).__name__)
        raise UnfitError(run.id) from None


def _size(data: Mapping[str, JsonValue]) -> int:
    """Return about how many bytes something takes: exactly is dear, and of text it is near."""
    text = data.get("text")
    return len(text) + 64 if isinstance(text, str) else len(str(data)) + 64
