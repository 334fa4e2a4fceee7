"""What is asked of the tables, with a hundred thousand instances and agents and with a hundred, in turns.

Asked as the endpoints and the sweep ask it, but not over HTTP, beside which a slower answer would hardly be seen.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from sqlalchemy import Connection, event

from functions.domain.catalog import agents
from functions.domain.catalog.agents import Wanted
from functions.domain.databases import SharedDb
from functions.domain.event_path import status
from functions.domain.instances import due, history, quotas, reading, told
from functions.domain.instances.reading import Filter
from functions.domain.instances.told import Addressee
from functions.domain.instances.troubles import InstanceTrouble
from functions.domain.overview import attention, figures
from functions.domain.why import instances as why
from shared_psql_models.instances import instances
from shared_psql_models.statuses import Status
from tools.bench.instances import filling
from tools.bench.instances.environment import FEW, MANY, InstancesEnvironment
from tools.bench.instances.filling import MINE, OTHER_AGENT, RARE_LABEL, RARE_NAME, RARE_TAG, RARE_WORD
from tools.bench.rows import Sample
from tools.pages import table

PAGE: Final = 20
TURNS: Final = 150

Ask = Callable[[SharedDb], object]

Statement = tuple[str, tuple[object, ...]]
"""SQL and its values."""


@dataclass(frozen=True)
class Question:
    """Something that is asked of shared_psql."""

    title: str
    group: str
    """The figure that it belongs to."""
    role: str
    """Of whoever asks it."""
    ask: Callable[[int], Ask]
    """Returns how it is asked where there are so many instances."""


def _list(title: str, group: str, wanted: Filter) -> Question:
    role = "user" if wanted.owner_id else "admin"
    return Question(title, group, role, lambda _: lambda db: reading.search(db, wanted, after=None, limit=PAGE + 1))


def _search(title: str, wanted: Wanted) -> Question:
    return Question(title, "search", "user", lambda _: lambda db: agents.search(db, wanted, after=None, limit=PAGE + 1))


def _overview(db: SharedDb) -> None:
    """Read what the overview has of this database."""
    figures.instances(db)
    figures.wanted_instances(db)
    figures.versions(db)
    figures.runs(db)
    figures.due(db)
    figures.engaged_kill_switches(db)
    status.of(db)
    list(attention.needs({"shared_psql": db}))


def _mine(size: int) -> str:
    """Return the id of an instance of MINE, halfway."""
    return filling.instance_id(size // 2)


def _what_a_message_needs(size: int) -> Ask:
    """Read what an instance is told of before a message, as its runner does."""
    asked = instances.alias()
    query = told.addressed(asked, asked.c.id).where(asked.c.id == _mine(size))

    def read(db: SharedDb) -> None:
        Addressee.of(db.execute(query).mappings().one())

    return read


QUESTIONS: Final = (
    Question("sweep, nothing due", "sweep", "worker", lambda _: lambda db: due.offer(db, PAGE)),
    _list("list, all of one's own", "list", Filter(MINE)),
    _list("list, by status", "list", Filter(MINE, [Status.RUNNING, Status.FAILED])),
    _list("list, by label", "list", Filter(MINE, labels={"team": "blue"})),
    _list("list, by agent", "list", Filter(MINE, agent="echo")),
    _list("list, by name", "list", Filter(MINE, name="Bench 50")),
    Question(
        *("list, next page", "list", "user"),
        lambda size: lambda db: reading.search(db, Filter(MINE), after=_mine(size), limit=PAGE + 1),
    ),
    _list("everybody's", "admin", Filter()),
    _list("everybody's, running", "admin", Filter(statuses=[Status.RUNNING])),
    _list("everybody's, failed", "admin", Filter(statuses=[Status.FAILED])),
    _list("everybody's, by label", "admin", Filter(labels=RARE_LABEL)),
    _list("everybody's, by agent", "admin", Filter(agent=OTHER_AGENT)),
    *(_list(f"everybody's, {each.replace('_', ' ')}", "admin", Filter(trouble=each)) for each in InstanceTrouble),
    Question(
        *("everybody's, by name", "admin", "admin"),
        lambda size: lambda db: reading.search(db, Filter(name=filling.name(size // 2)), after=None, limit=PAGE + 1),
    ),
    Question("overview, of shared_psql", "overview", "admin", lambda _: _overview),
    Question("why, of an instance", "overview", "admin", lambda size: lambda db: why.explain(db, _mine(size))),
    Question(
        *("read", "read", "user"),
        lambda size: lambda db: reading.find(db, _mine(size), owner_id=MINE),
    ),
    Question("what a message needs", "read", "user", _what_a_message_needs),
    Question(
        *("history", "read", "user"),
        lambda size: lambda db: history.of_instance(db, _mine(size), after=None, limit=PAGE + 1),
    ),
    Question("usage", "read", "user", lambda _: lambda db: quotas.of_account(db, MINE)),
    _search("catalog", Wanted()),
    _search("catalog, a rare name", Wanted(RARE_NAME)),
    _search("catalog, a rare word", Wanted(RARE_WORD)),
    _search("catalog, a word of all", Wanted("agent")),
    _search("catalog, by tag", Wanted(tag=RARE_TAG)),
)


def once(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return the milliseconds of each question with few rows and with many; keep the plans of the latter."""
    sizes = {FEW: filling.FEW, MANY: env.count}
    sample: dict[str, float] = {}
    for question in QUESTIONS:
        with ExitStack() as stack:
            asked = {
                database: (stack.enter_context(env.engine(database, question.role).connect()), question.ask(count))
                for database, count in sizes.items()
            }
            found: Mapping[str, list[float]] = {database: [] for database in sizes}
            for _ in range(max(3, int(TURNS * size))):
                for database, (connection, ask) in asked.items():
                    found[database].append(_took(connection, ask))
            for database, took in found.items():
                # Of the faster half: other load on the machine hardly touches it.
                sample[f"{question.title}: {database}"] = quantiles(took, n=4)[0]
            env.plans[question.title] = "\n\n".join(_plans(*asked[MANY]))
    return sample | {"sequential_scans": sum(len(_SEQUENTIAL.findall(plan)) for plan in env.plans.values())}


_SEQUENTIAL: Final = re.compile(r"Seq Scan on (?:instances|instance_specs|instance_events|agents)\b")
_BUFFERS: Final = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")
_BY: Final = re.compile(r"(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on|(Seq) Scan on) (\w+)")


def answers(plans: Mapping[str, str], samples: Sequence[Sample]) -> str:
    """Return a table of the questions: how long each takes at both sizes, and how it is found at the larger."""
    head = ["question", "ms at 100", "ms at 100,000", "÷", "pages at 100,000", "found by, at 100,000"]
    rows = []
    for title, plan in plans.items():
        few, many = (_median(samples, f"{title}: {database}") for database in (FEW, MANY))
        found = (_BUFFERS.search(each) for each in plan.split("\n\n"))
        pages = sum(int(count or 0) for match in found if match for count in match.groups())
        by = dict.fromkeys(f"all of {name}" if all_of else name for all_of, name in _BY.findall(plan))
        rows.append([title, f"{few:.2f}", f"{many:.2f}", f"{many / few:.2f}", str(pages), ", ".join(by)])
    return table(head, rows)


def _median(samples: Sequence[Sample], name: str) -> float:
    return median(value for sample in samples if isinstance(value := sample.get(name), float))


def _took(connection: Connection, ask: Ask) -> float:
    began = time.perf_counter()
    with connection.begin():
        ask(SharedDb(connection))
    return (time.perf_counter() - began) * 1000


def _plans(connection: Connection, ask: Ask) -> Iterator[str]:
    """Yield how Postgres answers each statement of a question."""
    with connection.begin() as transaction:
        with _noted(connection) as statements:
            ask(SharedDb(connection))
        for statement, values in statements:
            explain = f"explain (analyze, buffers, costs off, timing off, summary off) {statement}"
            yield "\n".join(line for (line,) in connection.exec_driver_sql(explain, values))
        transaction.rollback()


@contextmanager
def _noted(connection: Connection) -> Iterator[list[Statement]]:
    """Yield the statements that are executed inside of the block, with their values."""
    noted: list[Statement] = []

    def note(_connection: Connection, _cursor: object, sql: str, values: tuple[object, ...], *_: object) -> None:
        noted.append((sql, values))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(connection, "before_cursor_execute", note)
