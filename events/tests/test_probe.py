"""The probe: through outbox, relay and RabbitMQ and back, consumed by nobody else."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from cli.__main__ import botberi
from events.broker import bus
from events.relay import probe
from events.relay.metrics import RelayMetrics
from events.relay.outbox_stats import OutboxStats
from events.relay.probe import Probe
from tools.harness.path import DATABASE, RECEIVE_ALL, EventPath
from tools.harness.scrape import Watch

Eventually = Callable[..., Any]

PROBED = "select probe_seconds from relay_cursor where probed is not null"


@pytest.fixture
def relay(quiet_path: EventPath) -> Iterator[Watch]:
    quiet_path.stop()
    watch = Watch.on_a_free_port()
    quiet_path.start("relay", RELAY_PROBE_SECONDS="1", **watch.settings)
    yield watch
    quiet_path.stop()


def returned(relay: Watch) -> float:
    return relay.value("botberi_relay_probes_total", outcome="returned")


def test_a_probe_comes_back_and_everybody_can_see_how_long_it_took(
    relay: Watch, quiet_path: EventPath, eventually: Eventually
) -> None:
    eventually(lambda: returned(relay) >= 2)
    assert 0 < relay.value("botberi_relay_probe_seconds") < probe.TIMEOUT
    assert 0 < relay.value("botberi_relay_probe_age_seconds") < 30
    [(seconds,)] = eventually(lambda: quiet_path.query(PROBED))
    assert 0 < seconds < probe.TIMEOUT


def test_the_command_shows_when_a_probe_came_back(relay: Watch, quiet_path: EventPath, eventually: Eventually) -> None:
    eventually(lambda: returned(relay) >= 1 and quiet_path.query(PROBED))
    status = CliRunner().invoke(botberi, ["events", "status"]).output
    assert re.search(r"shared_psql .* \d+ ms, \d+ s ago", status)


def test_no_subscriber_receives_a_probe(relay: Watch, quiet_path: EventPath, eventually: Eventually) -> None:
    eventually(lambda: returned(relay) >= 2)
    quiet_path.emit("agt_heard")
    eventually(lambda: quiet_path.depth(RECEIVE_ALL.queue) == 1)
    quiet_path.purge(RECEIVE_ALL.queue)
    assert quiet_path.query("select * from parked_events") == []


def test_what_only_pretends_to_be_a_probe_is_parked(
    relay: Watch, quiet_path: EventPath, eventually: Eventually
) -> None:
    quiet_path.query("select emit_event(:type, 'x', '{}')", type=probe.TYPE)
    eventually(lambda: relay.value("botberi_relay_parked_total", reason="type_unknown") == 1)
    quiet_path.query("delete from parked_events")


def test_a_probe_that_is_not_back_in_time_is_late(quiet_path: EventPath, eventually: Eventually) -> None:
    metrics = RelayMetrics()
    sent = Probe(OutboxStats(DATABASE), metrics, epoch=0)
    sent.start()
    eventually(lambda: metrics.probes_late == 1)
    sent.returned("evt_of_somebody_else")
    assert (metrics.probes_sent, metrics.probes_returned) == (1, 0)
    [(event_id,)] = quiet_path.query("select id from outbox order by seq desc limit 1")
    sent.returned(event_id)
    sent.close()
    sent.outbox_stats.close()
    assert metrics.probes_returned == 1
    assert (metrics.round_trip or 0) > probe.TIMEOUT


def test_a_relay_sleeps_between_two_probes_and_is_woken_by_their_notification(
    relay: Watch, eventually: Eventually
) -> None:
    eventually(lambda: relay.value("botberi_relay_wakeups_total", kind="notification") >= 2)
    assert relay.value("botberi_relay_found_by_fallback_total") == 0


def test_a_probe_goes_to_the_queue_that_is_the_lease(
    relay: Watch, quiet_path: EventPath, eventually: Eventually
) -> None:
    sql = "select distinct recipient from outbox where type = :type and recipient is not null"
    eventually(lambda: relay.value("botberi_relay_probes_total", outcome="sent") >= 1)
    assert quiet_path.query(sql, type=probe.TYPE) == [(bus.lease(DATABASE),)]
