"""`python -m functions.services.meter`: what no part can say of itself, for Prometheus.

It asks the databases, their poolers, Redis and the edge when it is asked itself, at `/metrics` on `WATCH_LISTEN`, and
says which of them it could not ask. One is enough; it keeps nothing, so another may take its place at any time.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from typing import Final

from core import logs
from core.watching import Sample, Watched, serve
from functions.services.figures import edge, poolers, postgres, redis

FAMILIES: Final = {**postgres.FAMILIES, **poolers.FAMILIES, **redis.FAMILIES, **edge.FAMILIES}
"""Every metric with its meaning."""


def samples() -> Iterator[Sample]:
    """Yield what each of them says."""
    yield from postgres.samples()
    yield from poolers.samples()
    yield from redis.samples()
    yield from edge.samples()


def main() -> None:
    """Answer scrapes until told to stop."""
    logs.configure("meter")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if serve(Watched(FAMILIES, samples)) is None:
        sys.exit("meter: there is nothing else to do than to answer at WATCH_LISTEN")
    stopped.wait()


if __name__ == "__main__":
    main()
