"""The probe: through outbox, relay and RabbitMQ and back, heard by nobody else."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from events import bus
from events.relay import probe
from events.tests.path import HEAR_ALL, EventPath
from functions.local.ports import free_ports

Eventually = Callable[..., Any]

PROBED = "select probe_seconds from relay_cursor where probed is not null"


class Relay:
    """A relay that answers those who watch."""

    def __init__(self, path: EventPath) -> None:
        [self.port] = free_ports(1)
        path.start("relay", WATCH_LISTEN=f"127.0.0.1:{self.port}", RELAY_PROBE_SECONDS="1")

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric of shared_psql."""
        inside = ",".join(f'{key}="{value}"' for key, value in {"database": "shared_psql", **labels}.items())
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(f"{name}{{{inside}}} ")]
        return float(lines[0].rpartition(" ")[2]) if lines else None


@pytest.fixture
def relay(quiet_path: EventPath) -> Iterator[Relay]:
    quiet_path.stop()
    yield Relay(quiet_path)
    quiet_path.stop()


def returned(relay: Relay) -> float:
    return relay.value("botberi_relay_probes_total", outcome="returned") or 0


def test_a_probe_comes_back_and_everybody_can_see_how_long_it_took(
    relay: Relay, quiet_path: EventPath, eventually: Eventually
) -> None:
    eventually(lambda: returned(relay) >= 2)
    assert 0 < (relay.value("botberi_relay_probe_seconds") or 0) < probe.PATIENCE
    assert (relay.value("botberi_relay_probe_age_seconds") or 99) < 30
    [(seconds,)] = eventually(lambda: quiet_path.query(PROBED))
    assert 0 < seconds < probe.PATIENCE


def test_no_subscriber_hears_a_probe(relay: Relay, quiet_path: EventPath, eventually: Eventually) -> None:
    eventually(lambda: returned(relay) >= 2)
    quiet_path.emit("agt_heard")
    eventually(lambda: quiet_path.depth(HEAR_ALL.queue) == 1)
    quiet_path.purge(HEAR_ALL.queue)
    assert quiet_path.query("select * from parked_events") == []


def test_what_only_pretends_to_be_a_probe_is_parked(
    relay: Relay, quiet_path: EventPath, eventually: Eventually
) -> None:
    quiet_path.query("select emit_event(:type, 'x', '{}')", type=probe.TYPE)
    eventually(lambda: relay.value("botberi_relay_parked_total", reason="type_unknown") == 1)
    quiet_path.query("delete from parked_events")


def test_a_lease_that_is_deleted_is_taken_anew(relay: Relay, quiet_path: EventPath, eventually: Eventually) -> None:
    eventually(lambda: relay.value("botberi_relay_state", state="active") == 1)
    quiet_path.stop()
    assert bus.lease("shared_psql") == "botberi.relay.shared_psql"
