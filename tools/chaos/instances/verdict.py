"""The verdict: what was promised, and what is so, held against each other."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from functions.domain.instances.reasons import Reason
from shared_psql_models.instances import Instance, InstanceEvent
from shared_psql_models.statuses import DesiredState, Status
from tools.chaos.instances.evidence import Evidence, subscribers
from tools.chaos.instances.told import Promised
from tools.chaos.kills.noted import Violation

BLAMING: Final = frozenset(
    {
        *(Reason.AGENT_EXITED, Reason.CRASH_LOOP, Reason.START_TIMED_OUT, Reason.PREPARE_FAILED),
        *(Reason.DRIVER_FAILED, Reason.SECRETS_UNREADABLE, Reason.DRIVER_CANNOT_RUN_IMAGE),
    }
)
"""Reasons that say of an agent or a version that it is at fault; here none ever is."""

_FIRST: Final = {"desired_state": None, "status": Status.PENDING.value, "generation": "1"}
"""What the history of each kind begins with."""

_AS_DESIRED: Final = {
    DesiredState.RUNNING: Status.RUNNING,
    DesiredState.STOPPED: Status.STOPPED,
    DesiredState.DELETED: Status.DELETED,
}

Found = Iterator[tuple[str, str]]
"""Subjects, and what is wrong with each."""


def judge(evidence: Evidence) -> list[Violation]:
    """Return everything that is not as it must be."""
    found = [
        Violation(invariant, subject, detail)
        for invariant, check in CHECKS.items()
        for subject, detail in check(evidence)
    ]
    return [*evidence.noted, *found]


def _converged(evidence: Evidence) -> Found:
    for row in evidence.rows:
        wanted = _AS_DESIRED[row.desired_state]
        if row.status != wanted:
            yield row.id, f"its status is {row.status} ({row.reason}) where {wanted} is wanted; it is due {row.due_at}"
        elif row.status == Status.RUNNING and row.generation != row.observed_generation:
            yield row.id, f"generation {row.observed_generation} serves where {row.generation} is wanted"
        if row.deadline_at is not None:
            yield row.id, f"{row.status}, it has a deadline still: {row.deadline_at}"
    yield from ((each, "it is said to run, and doesn't answer") for each in evidence.silent)


def _kept(evidence: Evidence) -> Found:
    rows = {row.id: row for row in evidence.rows}
    for promised in evidence.promised:
        for row in [rows[each] for each in promised.ids if each in rows]:
            if row.desired_state != promised.desired:
                yield row.id, f"{promised.desired} was accepted last, {row.desired_state} is wanted"
            prefix = promised.prefix(promised.changes)
            if row.desired_state != DesiredState.DELETED and row.config.get("prefix") != prefix:
                yield row.id, f"the change to {prefix!r} was accepted, its config is {row.config}"
        yield from ((each, "it was created, and there is no row") for each in promised.ids - rows.keys())


def _single(evidence: Evidence) -> Found:
    rows = Counter(row.name for row in evidence.rows)
    for promised in evidence.promised:
        if len(promised.ids) > 1:
            yield promised.name, f"creating it was answered with {sorted(promised.ids)}"
        if rows[promised.name] > 1:
            yield promised.name, f"there are {rows[promised.name]} rows"


def _unleaked(evidence: Evidence) -> Found:
    for name in sorted(evidence.asleep.folders | evidence.asleep.processes):
        yield name, "it is awake though nobody asks it anything"
    wanted = {str(row.config["prefix"]) for row in evidence.rows if row.status == Status.RUNNING}
    for what, found in (("folder", evidence.awake.folders), ("process", evidence.awake.processes)):
        yield from ((name, f"it was asked something and has no {what}") for name in sorted(wanted - found))
        yield from ((name, f"it has a {what}, and no row that runs") for name in sorted(found - wanted))
    yield from ((each, "its agent host was killed") for each in evidence.left)
    yield from ((each, "it is deployed, and is no image") for each in evidence.deployed)
    yield from _unleaked_specs(evidence)


def _unleaked_specs(evidence: Evidence) -> Found:
    rows = {row.id: row for row in evidence.rows}
    for instance_id, generation in sorted(evidence.specs):
        row = rows[instance_id]
        kept = {row.generation, row.observed_generation}
        if row.status == Status.DELETED or (row.status == Status.RUNNING and generation not in kept):
            yield instance_id, f"generation {generation} is kept, and it is {row.status}"


def _history(evidence: Evidence) -> Found:
    by_instance: dict[str, dict[str, list[InstanceEvent]]] = defaultdict(lambda: defaultdict(list))
    for event in evidence.history:
        by_instance[event.instance_id][event.kind].append(event)
    for row in evidence.rows:
        is_now = {"desired_state": row.desired_state, "status": row.status, "generation": str(row.generation)}
        for kind, first in _FIRST.items():
            yield from _chain(row, kind, by_instance[row.id][kind], first, is_now[kind])


def _chain(row: Instance, kind: str, events: list[InstanceEvent], first: str | None, last: str) -> Found:
    links = [(first, first), *((event.previous, event.value) for event in events)]
    for (_, before), (previous, value) in pairwise(links):
        if previous != before:
            yield row.id, f"its {kind} went from {before} on to {value}, which came after {previous}"
    if links[-1][1] != last:
        yield row.id, f"the history of its {kind} ends in {links[-1][1]}, and it is {last}"


def _delivered(evidence: Evidence) -> Found:
    for event in evidence.history:
        for name in subscribers(event.kind):
            times = evidence.handled[name, event.id]
            if times != 1:
                yield event.instance_id, f"{event.kind} {event.value} ({event.id}) was handled by {name} {times} times"
        if evidence.audited[event.id] != 1:
            yield event.instance_id, f"{event.id} is {evidence.audited[event.id]} times in the audit trail"
    yield from ((each, "it is given up") for each in evidence.dead)


def _refused(evidence: Evidence) -> Found:
    for promised in evidence.promised:
        for message in promised.accepted:
            for begin, end in promised.closed:
                if begin < message.sent < end:
                    late = message.sent - begin
                    yield _name(promised), f"a message was answered that was sent {late:.3f} s after it was to end"


def _own(evidence: Evidence) -> Found:
    for promised in evidence.promised:
        for message in promised.accepted:
            fitting = range(message.oldest, message.newest + 1)
            if message.answer not in [promised.prefix(change) + message.text for change in fitting]:
                told = f"{message.text!r} was answered {message.answer!r}"
                yield _name(promised), f"{told} where changes {message.oldest} to {message.newest} could serve"


def _quotas(evidence: Evidence) -> Found:
    present = Counter(row.owner_id for row in evidence.rows if row.desired_state != DesiredState.DELETED)
    for owner_id, used in evidence.used.items():
        if used != present[owner_id]:
            yield owner_id, f"it is told that it has {used} instances, and has {present[owner_id]}"


def _blameless(evidence: Evidence) -> Found:
    for event in evidence.history:
        if event.reason in BLAMING or event.value == Status.FAILED:
            yield event.instance_id, f"{event.previous} → {event.value}: {event.reason}: {event.message}"
    of_status = [each for each in evidence.history if each.kind == "status"]
    taken_back = Counter(each.instance_id for each in of_status if each.reason == Reason.UPDATE_ROLLED_BACK)
    for promised in evidence.promised:
        times = sum(taken_back[each] for each in promised.ids)
        if times != promised.spoiled:
            yield _name(promised), f"{times} changes were taken back of {promised.spoiled} that don't start"
    for row in evidence.rows:
        if row.attempts:
            yield row.id, f"{row.attempts} failed starts are counted"


def _name(promised: Promised) -> str:
    return f"{promised.name} {' '.join(sorted(promised.ids))}"


CHECKS: Final[dict[str, Callable[[Evidence], Found]]] = {
    "converged": _converged,
    "kept": _kept,
    "single": _single,
    "unleaked": _unleaked,
    "history": _history,
    "delivered": _delivered,
    "refused": _refused,
    "own": _own,
    "quotas": _quotas,
    "blameless": _blameless,
}
"""By the invariant that each sees to; what is `orderly` is noted on the way."""
