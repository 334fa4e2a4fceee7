"""Turns on real rows: one worker at a time, and nothing written by one that has lost its lease."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import ProgrammingError

from functions.domain.databases import SharedDb
from functions.domain.instances import due, leases
from functions.domain.instances.changes import Change
from functions.domain.instances.leases import Lease
from functions.domain.instances.reasons import Reason
from shared_psql_models.statuses import Status
from testing.environment import Environment
from testing.launches import Launched

Launch = Callable[..., Launched]
PREPARING = Change.to(Status.PROVISIONING, Reason.PREPARING)


@pytest.fixture
def acquire(env: Environment) -> Callable[..., Lease | None]:
    def acquire(instance: Launched, lease_owner: str = "mine", seconds: float = 15) -> Lease | None:
        with env.transaction("shared_psql", "worker") as db:
            return leases.acquire(SharedDb(db), instance.id, lease_owner, seconds)

    return acquire


Take = Callable[..., Lease]


def write(env: Environment, *held: Lease, change: Change = PREPARING) -> list[str]:
    """Return whose status was written."""
    with env.transaction("shared_psql", "worker") as db:
        return [lease.id for lease in leases.record(SharedDb(db), held, change)]


def test_one_of_many_workers_gets_the_lease(launch: Launch, acquire: Take) -> None:
    instance = launch()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda token: acquire(instance, f"worker {token}"), range(8)))
    assert taken.count(None) == 7  # type: ignore[arg-type]  # the other tests have the lease for sure


def test_a_lease_that_has_run_out_is_taken_over_and_the_late_worker_writes_nothing(
    launch: Launch, acquire: Take, env: Environment
) -> None:
    instance = launch()
    late = acquire(instance, "late", seconds=-1)
    successor = acquire(instance, "successor")
    assert successor.token > late.token
    assert write(env, late) == []
    assert instance.statuses() == []
    assert write(env, successor) == [instance.id]
    assert instance.statuses() == ["provisioning"]


def test_a_command_that_came_in_between_is_never_overlooked(launch: Launch, acquire: Take, env: Environment) -> None:
    instance = launch()
    lease = acquire(instance)
    instance.ask("stop")
    assert write(env, lease) == []
    with env.transaction("shared_psql", "worker") as db:
        assert leases.release(SharedDb(db), [lease], due_in=1000) == []
    assert acquire(instance).desired_state == "stopped"


def test_a_status_its_history_and_its_event_are_written_together(
    launch: Launch, acquire: Take, env: Environment
) -> None:
    instance = launch()
    write(env, acquire(instance))
    event = instance.history()[-1]
    assert (event["kind"], event["previous"], event["value"]) == ("status", "pending", "provisioning")
    assert (event["reason"], event["actor"]) == ("preparing", "system")
    assert instance.read()["deadline_at"] is not None
    with env.transaction("shared_psql", "relay") as db:
        query = "select data from outbox where subject = %s and type like '%%status_changed%%'"
        said = db.exec_driver_sql(query, (instance.id,)).scalars().all()
    assert [(data["previous"], data["status"]) for data in said] == [("pending", "provisioning")]


def test_only_the_worker_may_write_a_status(launch: Launch, env: Environment) -> None:
    instance = launch()
    for role in ("user", "admin", "subscribers"):
        with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", role) as db:
            db.exec_driver_sql("update instances set status = 'running' where id = %s", (instance.id,))


def offered(env: Environment) -> list[str]:
    with env.transaction("shared_psql", "worker") as db:
        return due.offer(SharedDb(db), 1000)


def test_what_is_due_is_offered_once_by_however_many_sweeps(launch: Launch, env: Environment) -> None:
    instance = launch()
    with ThreadPoolExecutor(6) as pool:
        found = [each for sweep in pool.map(lambda _: offered(env), range(6)) for each in sweep]
    assert found.count(instance.id) == 1
    instance.put(queued_at="now() - interval '21 seconds'")
    assert instance.id in offered(env)


def test_what_a_worker_has_its_lease_on_is_not_due_until_the_lease_runs_out(
    launch: Launch, acquire: Take, env: Environment
) -> None:
    instance = launch()
    acquire(instance)
    assert instance.id not in offered(env)
    instance.put(lease_expires_at="now() - interval '1 second'")
    assert instance.id in offered(env)


def test_what_rests_is_not_due(launch: Launch, env: Environment) -> None:
    later, deleted = launch(), launch()
    later.put(due_at="now() + interval '1 minute'")
    deleted.put(status="'deleted'", desired_state="'deleted'")
    assert not {later.id, deleted.id} & set(offered(env))
