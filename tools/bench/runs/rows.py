"""The rows of the runs' table: what each figure is made of, and what it must reach."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from tools.bench.rows import Row, only
from tools.bench.runs.environment import PARTS

_at_most: Final = partial(Row, more_is_better=False)


def _over(values: Sequence[float]) -> float:
    """Return the first input less the second."""
    return values[0] - values[1]


ROWS: Final = (
    _at_most(
        "POST as a stream → first text, over the agent's own, p50", ("post_p50", "bare_p50"), _over, 15, unit="ms"
    ),
    _at_most("the same, p95", ("post_p95", "bare_p50"), _over, 40, unit="ms"),
    _at_most(
        "202, then the gateway → first text, over the agent's own, p50",
        ("gateway_p50", "bare_p50"),
        _over,
        15,
        unit="ms",
    ),
    _at_most("the same, p95", ("gateway_p95", "bare_p50"), _over, 40, unit="ms"),
    Row("runs a second from eight who ask to the last one's end", ("runs_a_second",), only, 20),
    Row("the same with three runners", ("pool_runs_a_second",), only, 20),
    Row("runs of that of the three who had the fewest ÷ a third of all", ("pool_share",), only, 0.2),
    _at_most("processor's time of a run, all parts", ("cost",), only, 100_000, unit="µs"),
    _at_most("memory of a stream in a gateway that has 500", ("stream_kb",), only, 128, unit="kB"),
    _at_most("rows that a run of 10,000 pieces writes", ("chunk_rows",), only, 10_000),
    _at_most(
        "bytes of these rows ÷ bytes of the text",
        ("chunk_bytes", "chunk_text"),
        lambda values: values[0] / values[1],
        4,
    ),
)

_STAGES: Final = {
    "accepted": "from the request to its row",
    "called": "from there until the agent speaks: commit, wake-up, claim, host, child",
    "written": "from there until its first text has its number",
    "read": "from there until the reader has it: commit, poll",
}

RAW: Final = {
    "bare_p50": "a bare functions-framework process with this agent, called directly → first byte, p50, ms",
    "bare_p95": "the same, p95, ms",
    "post_p50": "POST as a stream → first text, p50, ms",
    "post_p95": "the same, p95, ms",
    **{f"stage_{name}": f"of this {title}, ms" for name, title in _STAGES.items()},
    "gateway_p50": "202, then the gateway's stream → first text, p50, ms",
    "gateway_p95": "the same, p95, ms",
    "accepted_a_second": "runs accepted a second",
    **{f"cost_{name}": f"processor's time of a run: {name}, µs" for name in PARTS},
    "streams": "streams open at once",
    "stream_events": "events that these were sent",
    "chunk_bytes": "bytes of the rows of a run of 10,000 pieces",
    "chunk_text": "bytes of its text",
    "chunk_wal": "bytes that Postgres has logged for it",
    "chunk_seconds": "seconds that it took, of which the agent rests for 10",
    **{f"chunk_cost_{name}": f"processor's time of a piece: {name}, µs" for name in PARTS},
}
"""What the figures were made of, shown below the table."""
