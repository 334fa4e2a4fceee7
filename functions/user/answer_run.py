"""POST /v1/runs/{run_id}/input: give a run what its agent asks for."""

from typing import Annotated

from pydantic import Field, JsonValue

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.runs import accepting, commands, reading
from functions.domain.runs.commands import AnswerInvalid, NothingAsked, RunEnded
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Body
from functions.schemas.runs import Run, RunId


class RunInput(Body):
    """The answer."""

    id: Annotated[
        str | None, Field(pattern=pattern("ask"), description="Of the request that it answers; by default the present.")
    ] = None
    value: Annotated[JsonValue, Field(description="What fits the request's schema.", examples=["Blue"])]


@endpoint(
    "POST",
    "/v1/runs/{run_id}/input",
    status=202,
    errors=(RunNotFound, RunEnded, NothingAsked, AnswerInvalid),
    resources=Resources(group="function-schemas", settings=accepting.SETTINGS),
    audited=False,
)
def answer_run(caller: User, run_id: RunId, answer: RunInput, db: SharedDb) -> Run:
    """Have the agent called anew, with the answer: the run waits for its turn again."""
    run = commands.answer(db, run_id, Of(caller.id), answer.value, asked_id=answer.id)
    return Run.of(run, reading.text_so_far(db, run), reading.place(db, run))
