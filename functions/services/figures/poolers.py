"""What PgBouncer says of itself: who waits for a connection to Postgres, and how long."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from core.configuration import secret, setting
from core.postgres.pipelined import DiscreetNative
from core.watching import Sample

log = logging.getLogger(__name__)

TIMEOUT: Final = 3
"""Seconds."""

FAMILIES: Final = {
    "botberi_pooler_up": "1 when PgBouncer answers.",
    "botberi_pooler_clients": "Connections to PgBouncer that have one to Postgres (active), or wait for one.",
    "botberi_pooler_servers": "Connections to Postgres that are in use (active), or idle.",
    "botberi_pooler_longest_wait_seconds": "How long the first that waits has waited.",
    "botberi_pooler_transactions_total": "Transactions that went through it.",
    "botberi_pooler_wait_seconds_total": "Time that transactions waited for a connection.",
}

Row = dict[str, Any]


def samples() -> Iterator[Sample]:
    """Yield what each PgBouncer says; nothing where POOLERS (`database=host:port …`) is not set."""
    for pooler in setting("POOLERS", "").split():
        database, _, address = pooler.partition("=")
        try:
            pools, stats = _asked(address)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are asked
            log.warning("the pooler of %s can't be asked: %r", database, error)
            yield "botberi_pooler_up", {"database": database}, 0
        else:
            yield "botberi_pooler_up", {"database": database}, 1
            yield from _told({"database": database}, pools, stats)


def _asked(address: str) -> tuple[list[Row], list[Row]]:
    host, _, port = address.partition(":")
    told = {"host": host, "port": int(port), "database": "pgbouncer", "timeout": TIMEOUT}
    with closing(DiscreetNative("botberi_meter", password=secret("pgbouncer-meter"), **told)) as console:
        return _rows(console, "show pools"), _rows(console, "show stats")


def _rows(console: Any, command: str) -> list[Row]:  # noqa: ANN401 - pg8000 has no types
    values = console.run(command)
    rows = [dict(zip((column["name"] for column in console.columns), row, strict=True)) for row in values]
    # Its own console is a database to it.
    return [row for row in rows if row["database"] != "pgbouncer"]


def _told(labels: dict[str, str], pools: list[Row], stats: list[Row]) -> Iterator[Sample]:
    for name, columns in (("clients", ("cl_active", "cl_waiting")), ("servers", ("sv_active", "sv_idle"))):
        for column in columns:
            total = sum(int(row[column]) for row in pools)
            yield f"botberi_pooler_{name}", {**labels, "state": column.partition("_")[2]}, total
    longest = max((int(row["maxwait"]) + int(row["maxwait_us"]) / 1e6 for row in pools), default=0)
    yield "botberi_pooler_longest_wait_seconds", labels, longest
    yield "botberi_pooler_transactions_total", labels, sum(int(row["total_xact_count"]) for row in stats)
    yield "botberi_pooler_wait_seconds_total", labels, sum(int(row["total_wait_time"]) for row in stats) / 1e6
