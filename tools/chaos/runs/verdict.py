"""The verdict: what readers were told, what the rows have and what the agent says, held against each other."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from functions.domain.runs.reasons import Reason
from shared_psql_models.runs import EventType, Run, RunEvent, RunStatus
from tools.chaos.kills.noted import Violation
from tools.chaos.runs.evidence import Evidence
from tools.chaos.runs.ledger import Call
from tools.chaos.runs.life import Life
from tools.chaos.runs.plan import RETRIES
from tools.chaos.runs.protocols import ProtocolReader
from tools.chaos.runs.readers import Seen

Found = Iterator[str]
"""What is wrong with a run."""

_LOSERS: Final = {
    Reason.RUNNER_LOST: {"runner", "runner-2", "shared_psql"},
    Reason.HOST_LOST: {"agent-host"},
}
"""Reasons that say that the platform lost something, and who has to have been away for that."""


@dataclass(frozen=True)
class Lived:
    """A run with all that is known of it."""

    life: Life
    row: Run
    events: list[RunEvent]
    calls: list[Call]
    evidence: Evidence


@dataclass(frozen=True)
class Said:
    """The text of one attempt, as the events have it."""

    attempt: int
    text: str
    is_void: bool


def judge(evidence: Evidence, *, but: frozenset[str] = frozenset()) -> list[Violation]:
    """Return everything that is not as it must be, `but` for some invariants."""
    dead = [] if "delivered" in but else evidence.dead
    found = [*evidence.noted, *(Violation("delivered", "somebody", each) for each in dead)]
    for life in evidence.lives:
        subject = f"{life.wanted.key} {' '.join(sorted(life.ids))}"
        if len(life.ids) > 1:
            found.append(Violation("single", subject, "its message made several runs"))
        if not life.ids or life.id not in evidence.rows:
            found.append(Violation("settled", subject, "there is no row"))
            continue
        run = Lived(life, evidence.rows[life.id], evidence.events[life.id], evidence.calls[life.wanted.key], evidence)
        found += [
            Violation(name, subject, detail)
            for name, check in CHECKS.items()
            if name not in but
            for detail in check(run)
        ]
    known = {each for life in evidence.lives for each in life.ids}
    found += [Violation("single", each, "nobody was told of this run") for each in evidence.rows.keys() - known]
    return found


def _complete(run: Lived) -> Found:
    rows = [Seen(each.sequence, each.type.value, each.data) for each in run.events]
    for reader in run.life.readers:
        if isinstance(reader, ProtocolReader):
            yield from reader.faults()
        elif reader.seen != rows:
            yield f"{reader.name} {_difference(reader.seen, rows)}"


def _difference(seen: list[Seen], rows: list[Seen]) -> str:
    numbers = [each.sequence for each in seen]
    missing = sorted({each.sequence for each in rows} - set(numbers))
    doubled = sorted({each for each in numbers if numbers.count(each) > 1}) if len(numbers) < 5000 else []
    other = [told.sequence for told, row in zip(seen, rows, strict=False) if told != row]
    return f"misses {missing[:5]}, was told twice {doubled[:5]}, and other things at {other[:5]}, of {len(rows)}"


def _numbered(run: Lived) -> Found:
    numbers = [each.sequence for each in run.events]
    if numbers != list(range(1, run.row.last_sequence + 1)):
        gaps = sorted(set(range(1, run.row.last_sequence + 1)) - set(numbers))
        yield f"its last is {run.row.last_sequence}, and there are {len(numbers)}, without {gaps[:5]}"


def _alike(run: Lived) -> Found:
    told = {"the row": run.row.reply or "", "GET": str(run.life.shown.get("text"))}
    for each in run.life.readers:
        text = each.text() if isinstance(each, ProtocolReader) else _kept(each.seen)
        told |= {} if text is None else {each.name: text}
    hashes = {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in told.items()}
    if len(set(hashes.values())) > 1:
        yield f"there are several texts: {hashes}"
    for said in attempts(run.events):
        meant = [each.text for each in run.calls if each.attempt == said.attempt]
        if said.text and not any(each.startswith(said.text) for each in meant):
            yield f"in attempt {said.attempt} the events have {said.text[:80]!r}, the agent said {str(meant)[:80]}"


def _kept(events: list[Seen]) -> str:
    kept: list[Seen] = []
    for each in events:
        if each.type == EventType.TEXT:
            kept.append(each)
        elif "void_after" in each.data:
            kept = [text for text in kept if text.sequence <= each.data["void_after"]]
    return "".join(str(each.data["text"]) for each in kept)


def attempts(events: list[RunEvent]) -> list[Said]:
    """Return what was said in each attempt."""
    texts: dict[int, list[RunEvent]] = {}
    attempt, void = 0, set[int]()
    for each in events:
        if each.type == EventType.STATUS:
            attempt = int(str(each.data["attempt"]))
            if "void_after" in each.data:
                void.add(attempt)
        elif each.type == EventType.TEXT:
            texts.setdefault(attempt, []).append(each)
    return [
        Said(attempt, "".join(str(each.data["text"]) for each in said), attempt in void)
        for attempt, said in texts.items()
    ]


def _true(run: Lived) -> Found:
    row, last = run.row, max(run.calls, key=lambda each: each.attempt, default=None)
    statuses = [each.data for each in run.events if each.type == EventType.STATUS]
    if not statuses or statuses[-1]["status"] != row.status or run.life.shown.get("status") != row.status:
        yield f"its row says {row.status}, its last event {statuses[-1:]}, and who asked was told {run.life.shown}"
    if row.status == RunStatus.COMPLETED:
        yield from _completed(run)
    elif row.status == RunStatus.CANCELLED:
        if not run.life.cancelled or row.reason != Reason.CANCEL_REQUESTED:
            yield f"it was cancelled ({row.reason}), which nobody has asked for"
    elif last is not None and last.end == "raised" and last.attempt == row.attempt:
        # Whoever was killed at that moment could tell nobody.
        if row.reason != Reason.AGENT_FAILED and not _was_away(run, _LOSERS.get(Reason(row.reason), set())):
            yield f"its agent has failed, and it says {row.reason}: {row.explanation}"
    elif not _was_away(run, _LOSERS.get(Reason(row.reason), set())):
        yield f"it failed though nobody was killed: {row.reason}: {row.explanation}"


def _completed(run: Lived) -> Found:
    ends = {each.attempt: each.end for each in run.calls}
    kept = [each for each in attempts(run.events) if not each.is_void]
    texts = {each.attempt: each.text for each in run.calls}
    wanted = ["asked"] * run.life.wanted.asks + ["finished"]
    if [ends.get(each.attempt) for each in kept] != wanted:
        yield f"it is completed, where the agent says of its attempts {ends}"
    if any(texts.get(each.attempt) != each.text for each in kept):
        yield "it is completed, and not all that its agent has said is there"


def _was_away(run: Lived, names: set[str]) -> bool:
    begin = run.row.created_at.timestamp()
    end = (run.row.ended_at or run.row.status_at).timestamp()
    return any(each.victim in names and each.begin < end and each.end > begin for each in run.evidence.windows)


def _once(run: Lived) -> Found:
    numbers = [each.attempt for each in run.calls]
    if len(numbers) != len(set(numbers)):
        yield f"the agent was called in the attempts {numbers}"
    told = [each.data for each in run.events if each.type == EventType.STATUS]
    again = sum("void_after" in each for each in told)
    allowed = RETRIES if run.life.wanted.again else 0
    if again > allowed or len(numbers) > 1 + allowed + run.life.wanted.asks:
        yield f"it was tried again {again} times where {allowed} are allowed, with {len(numbers)} calls"


def _settled(run: Lived) -> Found:
    row = run.row
    if not row.ended or row.lease_owner is not None or row.reservation is not None:
        yield f"{row.status} ({row.reason}), leased to {row.lease_owner}, reserved {row.reservation}"


def _delivered(run: Lived) -> Found:
    told = sum(each.type == EventType.STATUS for each in run.events)
    if run.evidence.audited[run.row.id] != told:
        yield f"{told} statuses, {run.evidence.audited[run.row.id]} of them in the audit trail"


CHECKS: Final[dict[str, Callable[[Lived], Found]]] = {
    "complete": _complete,
    "numbered": _numbered,
    "alike": _alike,
    "true": _true,
    "once": _once,
    "settled": _settled,
    "delivered": _delivered,
}
"""By the invariant that each sees to."""
