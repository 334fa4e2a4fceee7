"""The sweep: what nobody works on any more, and what isn't to be worked on."""

from collections.abc import Mapping

from functions.domain.databases import SharedDb
from functions.domain.runs import accepting, claiming, ending, recording, usage
from functions.domain.runs.claiming import Stopped
from functions.domain.runs.reasons import Reason, explain, of_instance
from functions.domain.runs.recording import Change, Piece
from shared_psql_models.runs import Run, RunStatus


def cancel_of_stopped(db: SharedDb, *, instance_id: str | None = None) -> int:
    """Cancel runs of instances that are to stop, of one or of all; those that are worked on are left to their runners.

    Return how many there were.
    """
    found = claiming.of_stopped(db, instance_id=instance_id)
    for run in found:
        _cancel(db, run)
    return len(found)


def _cancel(db: SharedDb, run: Stopped) -> None:
    reason = of_instance(run.stop_reason)
    claiming.ask_to_cancel(db, run, reason, run.stopped_by)
    if run.lease_owner is None:
        ending.end(db, run, RunStatus.CANCELLED, explain(reason))


def settle_overdue(db: SharedDb) -> int:
    """Have runs whose runner is gone tried again, or end; end those whose deadline has passed. Return how many."""
    found = claiming.overdue(db)
    for run in found:
        if run.lease_owner is not None:
            _take_over(db, run)
        elif run.status == RunStatus.INPUT_REQUIRED:
            ending.end(db, run, RunStatus.FAILED, explain(Reason.INPUT_NOT_GIVEN))
        else:
            ending.end(db, run, RunStatus.FAILED, explain(Reason.NOT_STARTED))
    return len(found)


def _take_over(db: SharedDb, run: Run) -> None:
    # What its runner knew of that is lost with it.
    usage.count(db, run.id)
    if run.cancel_reason is not None:
        ending.end(db, run, RunStatus.CANCELLED, explain(Reason(run.cancel_reason)))
    elif try_again(db, run, "the platform lost it while the agent was at work") is None:
        ending.end(db, run, RunStatus.FAILED, explain(Reason.RUNNER_LOST))


def may_be_tried_again(run: Run) -> bool:
    """Return whether another attempt may follow the one that a run is in."""
    return run.attempt <= run.retries


def try_again(
    db: SharedDb, run: Run, cause: str, *, due_in: float = 0, columns: Mapping[str, object] | None = None
) -> list[Piece] | None:
    """Have a run tried again that is locked or leased; return the events that tell it, None if it may not be.

    What its agent has said in this attempt is void, but not what it has used: `columns` are the run's, where a runner
    knows that. A `cause` is a sentence without its full stop.
    """
    if not may_be_tried_again(run):
        return None
    because = explain(Reason.TRIED_AGAIN, cause=cause)
    change = Change(
        RunStatus.QUEUED,
        because,
        deadline_in=accepting.wait_seconds(),
        columns=columns or {},
        frees=True,
        due_in=due_in,
        told={"void_after": run.reply_sequence},
        drops_reply=True,
    )
    return recording.record(db, run, change)
