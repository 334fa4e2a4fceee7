"""The rows of the instances' table: what each figure is made of, and what it must reach."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from tools.bench.instances.environment import FEW, MANY
from tools.bench.instances.reading import QUESTIONS
from tools.bench.instances.resting import OTHERS, PARTS
from tools.bench.rows import Row, only, ratio


def _together(values: Sequence[float]) -> float:
    """Return the sum of every second input, divided by that of those before them."""
    return sum(values[1::2]) / sum(values[::2])


def _group(group: str) -> tuple[str, ...]:
    titles = [each.title for each in QUESTIONS if each.group == group]
    return tuple(f"{title}: {database}" for title in titles for database in (FEW, MANY))


_at_most: Final = partial(Row, more_is_better=False)


_GROUPS: Final = {
    "sweep": "sweep",
    "list": "list one's own, by each of its filters",
    "admin": "list everybody's, by each of its filters",
    "overview": "the overview, and why an instance is as it is",
    "read": "read one, its history, usage, what a message needs",
    "search": "search the catalog, each way",
}

_TABLES: Final = {
    "instances": "an instance in `instances`",
    "instance_specs": "in `instance_specs`",
    "instance_events": "in `instance_events`, its history of four changes",
}

ROWS: Final = (
    _at_most("create → running ÷ start of a bare functions-framework", ("created_p50", "started_p50"), ratio, 1.3),
    _at_most("message to a sleeping agent → first byte, p50", ("wake_p50",), only, 100, 30, unit="ms"),
    _at_most("message to a sleeping agent → first byte, p95", ("wake_p95",), only, 100, 30, unit="ms"),
    _at_most("the same ÷ start of a bare functions-framework, p50", ("wake_p50", "bare_p50"), ratio, 0.1),
    _at_most("message to an agent that is awake → first byte, p95", ("awake_p95",), only, 100, unit="ms"),
    _at_most(
        "host's memory with 100,000 instances at rest ÷ with 1,000",
        ("memory_with_many", "memory_with_few"),
        ratio,
        1.05,
    ),
    _at_most("processes more with 100,000 instances at rest than with 1,000", ("more_processes",), only, 0),
    *(
        _at_most(f"{what}, with indexes", (f"bytes_{table}",), only, 2048, unit="bytes")
        for table, what in _TABLES.items()
    ),
    *(_at_most(f"{title}: 100,000 ÷ 100", _group(group), _together, 1.1) for group, title in _GROUPS.items()),
    _at_most("sequential scans of a table that grows", ("sequential_scans",), only, 0),
    _at_most(
        "processor at rest with 100,000 instances: worker, functions, hosts, relays, Postgres",
        tuple(f"rest_{part}" for part in PARTS),
        sum,
        1,
        unit="% of a core",
    ),
)

RAW: Final = {
    "started_p50": "start of a bare functions-framework process, p50, ms",
    "created_p50": "create → running, p50, ms",
    "created_p95": "create → running, p95, ms",
    "bare_p50": "start of a bare functions-framework process beside the wakes, p50, ms",
    "bare_processor": "the same, processor's time, ms",
    "wake_min": "message to a sleeping agent → first byte, fastest, ms",
    "wake_processor": "the same, processor's time in functions, agent host, agent and Postgres, ms",
    "forked_p50": "the sandbox alone, forked from the version's zygote, p50, ms",
    "forked_p95": "the same, p95, ms",
    "forked_memory": "the same, memory of its own, MB",
    "loaded_p50": "the sandbox alone, code loaded by the child, p50, ms",
    "loaded_p95": "the same, p95, ms",
    "bare_memory": "memory of a bare functions-framework process' own, MB",
    "awake_p50": "message to an agent that is awake → first byte, p50, ms",
    "awake_processor": "the same, processor's time, ms",
    "wakes_a_second": "wakes a second, by eight who ask at a time",
    "memory_with_few": "agent host at rest with 1,000 instances, MB",
    "memory_with_many": "agent host at rest with 100,000 instances, MB",
    **{f"rest_{part}": f"processor at rest: {part.replace('_', ' ')}, % of a core" for part in (*PARTS, *OTHERS)},
}
"""What the ratios were made of, shown below the table."""
