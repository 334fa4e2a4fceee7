"""Instances that are asked past the API: their runs are a runner's business alone."""

from collections.abc import Callable

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.runs import accepting, commands, reading
from functions.domain.runs.accepting import Asked
from functions.domain.runs.reading import Of
from shared_psql_models.runs import ENDED, Run, RunStatus
from testing.environment import Environment
from testing.launches import Launched
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

Start = Callable[..., ManagedProcess]
"""Starts a runner with settings."""


class Asking:
    """An instance that is asked."""

    def __init__(self, env: Environment, instance: Launched) -> None:
        self.env = env
        self.instance = instance
        instance.put(status="'running'", observed_generation="generation", deadline_at="null")

    def ask(self, text: str = "hello", conversation_id: str | None = None) -> Run:
        with self.env.transaction("shared_psql", "user") as db:
            asked = Asked(text, conversation_id=conversation_id)
            return accepting.accept(SharedDb(db), self.instance.id, self.instance.owner.id, asked).run

    def read(self, run: Run) -> Run:
        with self.env.transaction("shared_psql", "user") as db:
            return reading.find(SharedDb(db), run.id, Of())

    def wait(self, run: Run, *statuses: RunStatus) -> Run:
        wanted = statuses or ENDED
        until(lambda: self.read(run).status in wanted, seconds=60)
        return self.read(run)

    def retries(self, run: Run, number: int) -> None:
        with self.env.transaction("shared_psql", "migrator") as db:
            db.exec_driver_sql(f"update runs set retries = {number} where id = '{run.id}'")

    def cancel(self, run: Run) -> None:
        with self.env.transaction("shared_psql", "user") as db:
            commands.cancel(SharedDb(db), run.id, Of())

    def answer(self, run: Run, value: JsonValue) -> None:
        """Answer what a run's agent has asked."""
        assert run.request is not None
        with self.env.transaction("shared_psql", "user") as db:
            commands.answer(SharedDb(db), run.id, Of(), value, asked_id=str(run.request["id"]))

    def text_of_events(self, run: Run) -> tuple[str, list[int]]:
        with self.env.transaction("shared_psql", "user") as db:
            events = reading.events(SharedDb(db), run.id, after=0, limit=10_000)
        text = "".join(str(each.data["text"]) for each in events if each.type == "text")
        return text, [each.sequence for each in events]
