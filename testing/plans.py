"""How Postgres answers what is asked of it, for tests of what must not grow with the rows that there are."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event


def steps(db: Connection, table: str, ask: Callable[[], object]) -> list[str]:
    """Return the steps in which Postgres answers what is asked of a table, each with the table it is about."""
    asked: list[tuple[str, Any]] = []

    def note(*facts: Any) -> None:
        asked.append((facts[2], facts[3]))

    event.listen(db, "before_cursor_execute", note)
    ask()
    event.remove(db, "before_cursor_execute", note)
    questions = [each for each in asked if f"from {table}" in each[0].lower()]
    explained = [db.exec_driver_sql(f"explain (format json) {each}", values) for each, values in questions]
    return [step for answer in explained for step in _nodes(answer.scalar_one()[0]["Plan"])]


def _nodes(plan: dict[str, Any]) -> list[str]:
    return [
        f"{plan['Node Type']} {plan.get('Relation Name')} {plan.get('Index Cond', '')}".rstrip(),
        *(each for child in plan.get("Plans", []) for each in _nodes(child)),
    ]
