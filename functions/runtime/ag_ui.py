"""AG-UI: a run streamed as its clients read it, from the start or from where a stream was cut."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from functions.domain.ag_ui.translating import Named, Object, Translator
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.runtime.declarations import Resources
from functions.runtime.event_stream import Frame
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_stream import PAUSED, RunStream
from shared_psql_models.runs import RunEvent

RESOURCES: Final = Resources(concurrency=32, timeout_seconds=580)


def known(db: SharedDb, named: Named, after: int) -> Translator:
    """Return what a client knows that has seen the events up to a number."""
    translator = Translator(named)
    for event in reading.all_events(db, named.run_id, until=after):
        translator.feed(event)
    return translator


def streamed(
    transactions: RunTransactions, caller: User, named: Named, translator: Translator, after: int
) -> RunStream:
    """Return the rest of a run of AG-UI."""

    def translate(event: RunEvent) -> Iterable[Frame]:
        return _frames(translator.feed(event), event.sequence)

    return RunStream(
        transactions,
        named.run_id,
        caller,
        translate=translate,
        after=after,
        ends=PAUSED,
        over=lambda: translator.ended,
        opening=[*_frames(translator.again(), None)],
    )


def _frames(events: Sequence[Object], sequence: int | None) -> Iterator[Frame]:
    """Yield events; only the last tells the number of the run's event, since a client goes on behind it."""
    for index, each in enumerate(events, start=1):
        last = index == len(events)
        yield Frame(json.dumps(each, ensure_ascii=False), id=sequence if last else None)
