"""What a part that runs long shows to those who monitor it, over HTTP: /_/health, /_/ready and /metrics.

Parts count in plain integers as they work. They are read here, on a thread of its own, when somebody asks.
"""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from core.configuration import setting

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

LISTEN: Final = "0.0.0.0:9464"
"""The default of the setting MONITORING_LISTEN."""

_PARTS_OF_HISTOGRAM: Final = ("_bucket", "_sum", "_count")

Sample = tuple[str, Mapping[str, str], float]
"""A metric's name, its labels, its value."""

Families = Mapping[str, str]
"""Every metric with its meaning. Counters end in `_total`; what has samples ending in `_bucket` is a histogram."""


def _nothing_wrong() -> str | None:
    return None


@dataclass(frozen=True)
class Monitored:
    """The metrics and checks of a process."""

    families: Families
    samples: Callable[[], Iterable[Sample]]
    """Called for every scrape."""
    health_problem: Callable[[], str | None] = _nothing_wrong
    """Why the process has to be started anew; None while it does its work."""
    readiness_problem: Callable[[], str | None] = _nothing_wrong
    """Why it can't do its work at present; None when it is ready."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that has samples."""
        found: dict[str, Metric] = {}
        for name, labels, value in self.samples():
            family = self._family(name)
            metric = found.get(family) or found.setdefault(family, _metric(family, name, self.families[family]))
            metric.add_sample(name, dict(labels), value)
        yield from found.values()

    def _family(self, sample: str) -> str:
        stems = (sample.removesuffix(part) for part in _PARTS_OF_HISTOGRAM)
        return sample if sample in self.families else next(stem for stem in stems if stem in self.families)


def _metric(family: str, sample: str, about: str) -> Metric:
    if family != sample:
        return Metric(family, about, "histogram")
    return Metric(family.removesuffix("_total"), about, "counter" if family.endswith("_total") else "gauge")


class _Scraped(Collector):
    def __init__(self, monitored: Monitored) -> None:
        self.monitored = monitored

    def collect(self) -> Iterator[Metric]:
        return self.monitored.collect()


class Endpoint(ThreadingHTTPServer):
    """The HTTP server of a process for its metrics and checks."""

    daemon_threads = True

    def __init__(self, address: str, port: int, monitored: Monitored) -> None:
        """Listen, or raise OSError."""
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address.strip("[]"), port), _Handler)
        self.monitored = monitored
        self.registry = CollectorRegistry()
        self.registry.register(_Scraped(monitored))
        # Memory, processor time, open files.
        ProcessCollector(registry=self.registry)

    def answer(self, path: str) -> tuple[HTTPStatus, str]:
        """Return the status and the text for a path."""
        match path:
            case "/metrics":
                return HTTPStatus.OK, generate_latest(self.registry).decode()
            case "/_/health":
                return _said(self.monitored.health_problem())
            case "/_/ready":
                return _said(self.monitored.health_problem() or self.monitored.readiness_problem())
        return HTTPStatus.NOT_FOUND, "not found\n"

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Say in the log what went wrong, but not that whoever asked went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("what was asked can't be answered", exc_info=error)


def _said(trouble: str | None) -> tuple[HTTPStatus, str]:
    return (HTTPStatus.OK, "ok\n") if trouble is None else (HTTPStatus.SERVICE_UNAVAILABLE, f"{trouble}\n")


class _Handler(BaseHTTPRequestHandler):
    server: "Endpoint"
    timeout = 5

    def do_GET(self) -> None:
        status, text = self.server.answer(self.path)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: a line for every scrape tells nobody anything."""


def serve(monitored: Monitored) -> Endpoint | None:
    """Answer at MONITORING_LISTEN (`address:port`) on a thread of its own; None where that is empty or can't be had."""
    address, _, port = setting("MONITORING_LISTEN", LISTEN).rpartition(":")
    if not port:
        return None
    try:
        endpoint = Endpoint(address, int(port), monitored)
    except OSError as error:
        # To work unseen is better than not to work.
        log.error("nobody can watch: %s:%s can't be had: %s", address, port, error)  # noqa: TRY400 - the sentence says it all
        return None
    threading.Thread(target=endpoint.serve_forever, name="monitoring", daemon=True).start()
    return endpoint
