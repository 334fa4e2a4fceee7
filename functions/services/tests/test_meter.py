"""The meter asks the databases, Redis and the edge."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import text

from core.watching import Endpoint, Watched
from functions.jobs import queue
from functions.services import meter
from functions.services.figures import poolers
from testing.world import World

LETTER = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values ('ded_1', 'botberi.record-audit', 'evt_1', 's', 't', 'u', 'refused', '', 1, '{}')
"""

STUB_STATUS = b"Active connections: 3 \nserver accepts handled requests\n 7 7 9 \nReading: 0 Writing: 1 Waiting: 2 \n"


def lines() -> list[str]:
    """Return what a scrape of the meter answers."""
    endpoint = Endpoint("127.0.0.1", 0, Watched(meter.FAMILIES, meter.samples))
    endpoint.server_close()
    return endpoint.answer("/metrics")[1].splitlines()


def value(metric: str) -> float | None:
    found = [line for line in lines() if line.startswith(f"{metric} ")]
    return float(found[0].rpartition(" ")[2]) if found else None


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set up a page as nginx' stub_status writes it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(STUB_STATUS)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("EDGE_STATUS_URL", f"http://127.0.0.1:{server.server_port}/")
        yield
        server.shutdown()


def test_open_dead_letters_are_counted_by_queue(world: World) -> None:
    world.renew()
    with world.transaction("shared_psql", "relay") as db:
        db.execute(text(LETTER))
    assert value('botberi_dead_letters_open{queue="botberi.record-audit"}') == 1


def test_jobs_are_counted_while_no_worker_takes_them(world: World) -> None:
    world.renew()
    queue.converge("ins_1")
    assert value('botberi_jobs_waiting{queue="instances.user"}') == 1
    assert value('botberi_jobs_waiting{queue="instances.admin"}') == 0
    assert (value("botberi_redis_memory_bytes") or 0) > 100_000


@pytest.mark.usefixtures("edge")
def test_the_edge_is_asked_for_its_figures(world: World) -> None:
    world.renew()
    assert value("botberi_edge_requests_total") == 9
    assert value('botberi_edge_connections{state="waiting"}') == 2


@pytest.mark.usefixtures("edge")
def test_every_metric_has_its_meaning_and_is_there_when_all_is_well(world: World) -> None:
    world.renew()
    told = lines()
    silent = {name for name in meter.FAMILIES if not any(line.startswith((f"{name} ", f"{name}{{")) for line in told)}
    one_for_each_that_there_is = {"botberi_dead_letters_open", "botberi_instances", *poolers.FAMILIES}
    assert silent == one_for_each_that_there_is
    assert 'botberi_database_up{database="shared_psql"} 1.0' in told


def test_what_is_away_is_said_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.renew()
    monkeypatch.setenv("USER_PSQL_URL", "127.0.0.1:1/user_psql")
    monkeypatch.setenv("USER_REDIS_URL", "127.0.0.1:1")
    monkeypatch.setenv("EDGE_STATUS_URL", "http://127.0.0.1:1/")
    told = lines()
    assert {'botberi_database_up{database="user_psql"} 0.0', "botberi_redis_up 0.0", "botberi_edge_up 0.0"} <= set(told)
    assert 'botberi_database_up{database="shared_psql"} 1.0' in told
