import threading
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer

import pytest
from sqlalchemy import text

from functions.local.testing.world import World
from functions.services import meter

EVENT = "select emit_event('com.botberi.account.registered.v1', 'usr_1', '{}'::jsonb)"


def value(metric: str) -> float | None:
    lines = [line for line in meter.text().splitlines() if line.startswith(f"{metric} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else None


def test_an_event_that_no_relay_has_taken_is_counted_with_its_age(world: World) -> None:
    world.renew()
    with world.transaction("user_psql", "user") as db:
        db.execute(text(EVENT))
    assert value('botberi_outbox_undelivered{database="user_psql"}') == 1
    assert value('botberi_outbox_undelivered{database="shared_psql"}') == 0
    assert 0 < (value('botberi_outbox_oldest_seconds{database="user_psql"}') or 0) < 60


def test_every_metric_has_its_meaning_and_is_there_when_all_is_well(world: World) -> None:
    world.renew()
    lines = meter.text().splitlines()
    silent = {name for name in meter.FAMILIES if not any(line.startswith((f"{name} ", f"{name}{{")) for line in lines)}
    assert silent == {"botberi_dead_letters_open", "botberi_instances"}, "those have one sample for each that there is"
    assert value('botberi_database_up{database="shared_psql"}') == 1


def test_a_database_that_is_away_is_said_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.renew()
    monkeypatch.setenv("USER_PSQL_URL", "127.0.0.1:1/user_psql")
    assert value('botberi_database_up{database="user_psql"}') == 0
    assert value('botberi_database_up{database="shared_psql"}') == 1


def test_it_answers_scrapes_and_nothing_else(world: World) -> None:
    world.renew()
    server = ThreadingHTTPServer(("127.0.0.1", 0), meter._Handler)  # noqa: SLF001 - it is what main() serves
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    statuses = []
    for path in ("/metrics", "/_/health", "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        statuses.append((response.status, bool(response.read())))
    server.shutdown()
    server.server_close()
    connection.close()
    assert statuses == [(200, True), (200, True), (404, True)]
