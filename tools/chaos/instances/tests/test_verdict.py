"""The verdict sees a violation of each kind that is planted into evidence in which nothing is wrong."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, pairwise
from typing import Final

import pytest

from functions.domain.instances.reasons import Reason
from shared_psql_models.instances import Instance, InstanceEvent
from shared_psql_models.statuses import DesiredState, Status
from tools.chaos.instances.evidence import NOBODY, Agents, Evidence, subscribers
from tools.chaos.instances.told import Accepted, Promised
from tools.chaos.instances.verdict import judge
from tools.chaos.instances.violations import INVARIANTS
from tools.chaos.kills.noted import Violation
from tools.chaos.kills.remains import bugs
from tools.documents import Document

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
OWNER: Final = "usr_1"

_FACTS: Final[Document] = {
    "discoverable": False,
    "owner_id": OWNER,
    **dict.fromkeys(("agent_id", "version_id", "reason", "message", "next"), "as it is"),
    "secret_places": [],
    "limits": {},
    "labels": {},
    **dict.fromkeys(("deadline_at", "lease_owner", "lease_expires_at", "queued_at")),
    **dict.fromkeys(("quarantined_at", "quarantined_by", "quarantine_reason")),
    **dict.fromkeys(("due_at", "created_at", "updated_at"), NOW),
    "attempts": 0,
    "row_version": 1,
    "generation": 2,
}

_HISTORIES: Final = {
    DesiredState.RUNNING: (["running"], ["provisioning", "starting", "running", "updating", "running"]),
    DesiredState.STOPPED: (["running", "stopped"], ["provisioning", "starting", "running", "stopping", "stopped"]),
    DesiredState.DELETED: (["running", "deleted"], ["provisioning", "starting", "running", "deleting", "deleted"]),
}


def row(number: int, desired: DesiredState) -> Instance:
    deleted = desired == DesiredState.DELETED
    return Instance(
        id=f"ins_{number}",
        name=f"lifecycle-{number}",
        config={} if deleted else {"prefix": f"lifecycle-{number}.1 "},
        desired_state=desired,
        status=Status(desired.value),
        observed_generation=2 if desired == DesiredState.RUNNING else 1,
        **_FACTS,
    )


def history(of: Instance) -> Iterator[InstanceEvent]:
    desired, statuses = _HISTORIES[of.desired_state]
    chains = {"desired_state": ["", *desired], "status": ["pending", *statuses], "generation": ["1", "2"]}
    numbers = count()
    for kind, values in chains.items():
        for previous, value in pairwise(values):
            facts = dict.fromkeys(("reason", "actor", "message", "next"), "as it is")
            event_id = f"evt_{of.id}_{next(numbers)}"
            yield InstanceEvent(
                id=event_id,
                instance_id=of.id,
                kind=kind,
                previous=previous or None,
                value=value,
                at=NOW,
                sequence=1,
                **facts,
            )


def promised(of: Instance) -> Promised:
    made = Promised(of.name, OWNER, {of.id}, of.desired_state, changes=1, asked=1, serving=1)
    made.accepted = [Accepted(1.0, "Hi", f"{of.name}.0 Hi", 0, 1), Accepted(2.0, "Ho", f"{of.name}.1 Ho", 1, 1)]
    if of.desired_state != DesiredState.RUNNING:
        made.closed = [(3.0, float("inf"))]
    return made


@pytest.fixture
def good() -> Evidence:
    """Return evidence of three instances, of which one runs, one is stopped and one is deleted."""
    rows = [row(number, desired) for number, desired in enumerate(DesiredState)]
    events = [event for each in rows for event in history(each)]
    handled = Counter((name, event.id) for event in events for name in subscribers(event.kind))
    runs = frozenset({"lifecycle-0.1 "})
    return Evidence(
        promised=[promised(each) for each in rows],
        rows=rows,
        history=events,
        handled=handled,
        audited=Counter(event.id for event in events),
        dead=[],
        specs={("ins_0", 2), ("ins_1", 1), ("ins_1", 2)},
        used={OWNER: 2},
        silent=[],
        awake=Agents(runs, runs),
    )


def becomes(number: int, **facts: object) -> Callable[[Evidence], None]:
    """Return what changes a row."""

    def plant(evidence: Evidence) -> None:
        evidence.rows[number] = evidence.rows[number].model_copy(update=facts)

    return plant


def happens(number: int, **facts: object) -> Callable[[Evidence], None]:
    """Return what changes a row of the history."""

    def plant(evidence: Evidence) -> None:
        evidence.history[number] = evidence.history[number].model_copy(update=facts)

    return plant


def stays_awake(evidence: Evidence) -> None:
    evidence.asleep = Agents(frozenset({"lifecycle-2.1 "}), frozenset())


def runs_without_a_row(evidence: Evidence) -> None:
    evidence.awake = Agents(evidence.awake.folders, evidence.awake.processes | {"lifecycle-1.1 "})


def has_no_folder(evidence: Evidence) -> None:
    evidence.awake = Agents(frozenset(), evidence.awake.processes)


def says(instance: int, message: Accepted) -> Callable[[Evidence], None]:
    return lambda evidence: evidence.promised[instance].accepted.append(message)


PLANTED: Final[list[tuple[str, str, Callable[[Evidence], object]]]] = [
    ("converged", "a transient status", becomes(0, status=Status.STARTING)),
    ("converged", "an old generation", becomes(0, observed_generation=1)),
    ("converged", "a deadline", becomes(1, deadline_at=NOW)),
    ("converged", "a silent agent", lambda evidence: evidence.silent.append("ins_0")),
    ("kept", "a stop undone", becomes(1, desired_state=DesiredState.RUNNING)),
    ("kept", "a change undone", becomes(0, config={"prefix": "lifecycle-0.0 "})),
    ("kept", "no row", lambda evidence: evidence.promised[0].ids.add("ins_lost")),
    ("single", "two rows", lambda evidence: evidence.rows.append(evidence.rows[0].model_copy(update={"id": "ins_9"}))),
    ("single", "two answers", lambda evidence: evidence.promised[0].ids.add("ins_9")),
    ("unleaked", "somebody awake", stays_awake),
    ("unleaked", "a process without a row", runs_without_a_row),
    ("unleaked", "an agent without a folder", has_no_folder),
    ("unleaked", "a process of a dead host", lambda evidence: evidence.left.append("4711 in /")),
    ("unleaked", "a deployment", lambda evidence: evidence.deployed.append("ver_1")),
    ("unleaked", "a spec of what is deleted", lambda evidence: evidence.specs.add(("ins_2", 1))),
    ("history", "a gap", lambda evidence: evidence.history.pop(2)),
    ("history", "another end", becomes(2, generation=3)),
    ("history", "the same twice", lambda evidence: evidence.history.insert(2, evidence.history[2])),
    ("delivered", "not at all", lambda evidence: evidence.handled.pop(("converge_instance", evidence.history[0].id))),
    ("delivered", "recorded twice", lambda evidence: evidence.audited.update([evidence.history[0].id])),
    ("delivered", "a dead letter", lambda evidence: evidence.dead.append("botberi.record-audit")),
    ("refused", "a message after a stop", says(1, Accepted(4.0, "Hi", "lifecycle-1.1 Hi", 1, 1))),
    ("own", "another's answer", says(0, Accepted(2.5, "Hi", "lifecycle-1.1 Hi", 1, 1))),
    ("own", "an old answer", says(0, Accepted(2.5, "Hi", "lifecycle-0.0 Hi", 1, 1))),
    ("quotas", "one too many", lambda evidence: evidence.used.update({OWNER: 3})),
    ("blameless", "an exit that was none", happens(1, reason=Reason.AGENT_EXITED)),
    ("blameless", "a failed start that was none", becomes(0, attempts=1)),
    ("blameless", "a change taken back", happens(5, reason=Reason.UPDATE_ROLLED_BACK)),
    ("blameless", "a change not taken back", lambda evidence: setattr(evidence.promised[0], "spoiled", 1)),
    ("orderly", "a bug", lambda evidence: evidence.noted.append(Violation("orderly", "GET /", "was answered 500"))),
]


def test_nothing_is_found_where_nothing_is_wrong(good: Evidence) -> None:
    assert judge(good) == []
    assert good.asleep == NOBODY


@pytest.mark.parametrize(("invariant", "what", "plant"), PLANTED, ids=[f"{name}: {what}" for name, what, _ in PLANTED])
def test_a_planted_violation_is_found(
    good: Evidence, invariant: str, what: str, plant: Callable[[Evidence], object]
) -> None:
    plant(good)
    assert invariant in {each.invariant for each in judge(good)}, what


def test_what_a_log_calls_an_error_is_found_but_not_that_redis_is_away() -> None:
    def line(**facts: str) -> str:
        return json.dumps({"time": "12:00", "level": "error", "logger": "x", "message": "bug in the sweep"} | facts)

    away = line(logger="celery.worker.consumer.consumer", message="Cannot connect")
    log = "\n".join(["a traceback", line(level="warning"), away, line(exception="Traceback:\n  …\nKeyError: 1")])
    assert list(bugs([("worker", log)])) == [Violation("orderly", "worker", "12:00 bug in the sweep KeyError: 1")]


def test_each_invariant_has_been_violated() -> None:
    assert {name for name, _, _ in PLANTED} == set(INVARIANTS)
