"""The rows of the event path's table: what each figure is made of, and what it must reach."""

from typing import Final

from tools.bench.rows import Row, only, ratio

ROWS: Final = (
    Row("relay ÷ pipelined pika loop without a database", ("relay", "pipelined"), ratio, 1.0, 1.5),
    Row("relay ÷ one confirm at a time", ("relay", "blocking"), ratio, 20, 40),
    Row("commits/s of 16 writers with capture ÷ without", ("captured_commits", "plain_commits"), ratio, 0.5, 0.8),
    Row("commit → function called, p50", ("latency_p50",), only, 6, 3, more_is_better=False, unit="ms"),
    Row("commit → function called, p99", ("latency_p99",), only, 30, 15, more_is_better=False, unit="ms"),
    Row("dispatcher ÷ wrk at the same function", ("dispatched", "wrk"), ratio, 0.6, 0.9),
    Row("reverse with deduplication ÷ one transaction a message", ("reverse", "reverse_single"), ratio, 20, 40),
    Row(
        "SQL statements per 1,000 events beside 16 writers",
        ("statements_beside_writers",),
        only,
        8,
        more_is_better=False,
    ),
    Row("SQL statements per 1,000 events of a backlog", ("statements_at_load",), only, 8, more_is_better=False),
    Row("NOTIFYs while awake", ("notifies",), only, 0, more_is_better=False),
    Row("takeover after kill -9, p99", ("takeover",), only, 2, 0.5, more_is_better=False, unit="s", pooled=True),
    Row("relay's memory, a million events piled up", ("backlog_memory",), only, 200, more_is_better=False, unit="MB"),
)

RAW: Final = {
    "relay": "relay, events/s from outbox to confirm",
    "pipelined": "pipelined pika loop, events/s",
    "blocking": "one confirm at a time, events/s",
    "plain_commits": "commits/s without capture",
    "captured_commits": "commits/s with capture",
    "waiting_commits": "commits/s with capture, of writers that wait for what emit_event returns",
    "delivered_beside_writers": "relay beside 16 writers, events/s",
    "dispatched": "dispatcher, events/s",
    "wrk": "wrk, requests/s",
    "reverse": "reverse with deduplication, events/s",
    "reverse_single": "reverse, one transaction a message, events/s",
    "backlog_rate": "a million events piled up, events/s",
}
"""What the ratios were made of, shown below the table."""
