"""A relay's metrics: its own counters, and the statistics of its outbox."""

import logging
import time
from collections.abc import Iterator
from typing import Final

from core.monitoring import Monitored, Sample
from events.relay.metrics import STATES, RelayMetrics
from events.relay.outbox_stats import OutboxStats

log = logging.getLogger(__name__)

FAMILIES: Final = {
    "botberi_outbox_undelivered": "Committed events that RabbitMQ has not confirmed; 50,000 at most.",
    "botberi_outbox_oldest_seconds": "Age of the oldest of them, by the database's clock.",
    "botberi_outbox_parked": "Events that can't be published and were set aside.",
    "botberi_relay_state": "1 for the state that the relay is in: connecting, standby or active.",
    "botberi_relay_blocked": "1 while RabbitMQ takes nothing, for want of memory or disk.",
    "botberi_relay_lease": "1, with the host and process that took the lease last.",
    "botberi_relay_epoch": "Rises with every relay that takes over.",
    "botberi_relay_cursor_seconds": "Time since the relay's cursor moved; it rests while nothing happens.",
    "botberi_relay_sessions_total": "Times that the relay began to connect.",
    "botberi_relay_pages_total": "Pages read from the outbox.",
    "botberi_relay_cursor_saves_total": "Times that the cursor was saved.",
    "botberi_relay_published_total": "Events handed to RabbitMQ.",
    "botberi_relay_confirmed_total": "Events that RabbitMQ has confirmed.",
    "botberi_relay_returned_total": "Events that RabbitMQ gave back because no queue takes them.",
    "botberi_relay_resent_total": "Events under way when a connection was lost, which are sent again: duplicates.",
    "botberi_relay_parked_total": "Events set aside, by reason.",
    "botberi_relay_wakeups_total": "Looks at the outbox from sleep: notified, or the fallback's time was up.",
    "botberi_relay_found_by_fallback_total": "Events first found by the fallback: their notification was missed.",
    "botberi_relay_notify_ingest_total": "Bare NOTIFYs that were published, or kept as dead letters.",
    "botberi_relay_probes_total": "Probes that were sent, came back, and were late (not back within 5 s).",
    "botberi_relay_probe_seconds": "How long the last probe took that came back.",
    "botberi_relay_probe_age_seconds": "Time since a probe came back, or since probing began.",
}
"""Every metric with its meaning."""


def monitored(outbox_stats: OutboxStats, metrics: RelayMetrics) -> Monitored:
    """Return the relay's metrics and checks for the monitoring server."""

    def samples() -> Iterator[Sample]:
        labels = {"database": outbox_stats.database}
        for name, more, value in (*_counted(metrics), *_probed(metrics), *_seen(outbox_stats)):
            yield name, labels | more, value

    return Monitored(FAMILIES, samples, metrics.health_problem, metrics.readiness_problem)


def _counted(metrics: RelayMetrics) -> Iterator[tuple[str, dict[str, str], float]]:
    for state in STATES:
        yield "botberi_relay_state", {"state": state}, state == metrics.state
    yield "botberi_relay_blocked", {}, metrics.blocked
    yield "botberi_relay_sessions_total", {}, metrics.sessions
    yield "botberi_relay_pages_total", {}, metrics.pages
    yield "botberi_relay_cursor_saves_total", {}, metrics.saves
    yield "botberi_relay_published_total", {}, metrics.published
    yield "botberi_relay_confirmed_total", {}, metrics.confirmed
    yield "botberi_relay_returned_total", {}, metrics.returned
    yield "botberi_relay_resent_total", {}, metrics.resent
    for reason, count in dict(metrics.parked).items():
        yield "botberi_relay_parked_total", {"reason": reason}, count
    yield "botberi_relay_wakeups_total", {"kind": "notification"}, metrics.notifications
    yield "botberi_relay_wakeups_total", {"kind": "fallback"}, metrics.fallbacks
    yield "botberi_relay_found_by_fallback_total", {}, metrics.found_by_fallback
    yield "botberi_relay_notify_ingest_total", {"outcome": "published"}, metrics.ingested
    yield "botberi_relay_notify_ingest_total", {"outcome": "dead"}, metrics.ingest_rejected


def _probed(metrics: RelayMetrics) -> Iterator[tuple[str, dict[str, str], float]]:
    yield "botberi_relay_probes_total", {"outcome": "sent"}, metrics.probes_sent
    yield "botberi_relay_probes_total", {"outcome": "returned"}, metrics.probes_returned
    yield "botberi_relay_probes_total", {"outcome": "late"}, metrics.probes_late
    if metrics.probed:
        yield "botberi_relay_probe_age_seconds", {}, time.monotonic() - metrics.probed
    if metrics.round_trip is not None:
        yield "botberi_relay_probe_seconds", {}, metrics.round_trip


def _seen(outbox_stats: OutboxStats) -> Iterator[tuple[str, dict[str, str], float]]:
    try:
        view = outbox_stats.read()
    except Exception as error:  # noqa: BLE001 - whatever it is, the relay's own metrics are shown
        log.warning("%s can't be asked: %s", outbox_stats.database, error)
        return
    yield "botberi_outbox_undelivered", {}, view.waiting
    yield "botberi_outbox_oldest_seconds", {}, view.oldest
    yield "botberi_outbox_parked", {}, view.parked
    yield "botberi_relay_lease", {"holder": view.holder}, 1
    yield "botberi_relay_epoch", {}, view.epoch
    yield "botberi_relay_cursor_seconds", {}, view.moved
