"""Runs in this process: a test sees one through without a runner, by the runner's own code."""

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import text
from typing_extensions import override

from functions.domain.databases import SharedDb
from functions.domain.instances import told
from functions.domain.instances.told import Addressee
from functions.domain.runs import reading
from functions.domain.runs.claiming import Claimed
from functions.domain.runs.reading import Of
from functions.domain.runs.recording import Piece
from functions.services.runner.attempt import Attempt
from functions.services.runner.live import Live
from functions.services.runner.writer import Writer
from shared_psql_models.runs import Run, runs
from testing.environment import Environment

_CLAIM = text(
    "update runs set lease_owner = 'test', lease_expires_at = clock_timestamp() + interval '15 s',"
    " attempt = attempt + 1, lease_token = lease_token + 1"
    " where id = :id and status = 'queued' and lease_owner is null returning id"
)

_CLAIMED = told.addressed(runs, runs.c.instance_id)


class _Silent(Live):
    """Tells nobody: whoever follows a run in a test reads Postgres."""

    @override
    def tell(self, written: Mapping[str, Sequence[Piece]]) -> None:
        pass


@cache
def _writer() -> Writer:
    writer = Writer(_Silent())
    writer.start()
    return writer


def attempt(env: Environment, run_id: str) -> None:
    """Have a run that waits claimed, its agent called once, and whatever comes of that written."""
    with env.transaction("shared_psql", "migrator") as db:
        if db.execute(_CLAIM, {"id": run_id}).first() is None:
            return
        row = db.execute(_CLAIMED.where(runs.c.id == run_id)).mappings().one()
    Attempt(Claimed(Run.of(row), Addressee.of(row)), _writer()).work()


def see_through(env: Environment, run_id: str) -> None:
    """Have a run attempted until it has ended, asks for something, or was given back because it can't be answered."""
    while True:
        with env.transaction("shared_psql", "migrator") as db:
            before = reading.find(SharedDb(db), run_id, Of())
        if before.status != "queued":
            return
        attempt(env, run_id)
        with env.transaction("shared_psql", "migrator") as db:
            after = reading.find(SharedDb(db), run_id, Of())
        if after.attempt == before.attempt:
            return
