"""The exporters of Postgres, Redis and nginx, as the manifests start them, show what rules and dashboards name."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.jobs import queue
from provisioning.local_settings import LOOPBACK, ROOT
from testing.environment import Environment
from tools.local.ports import free_ports
from tools.local.servers import binaries, managed_process
from tools.local.servers.managed_process import ManagedProcess
from tools.manifests.services import SERVICES
from tools.manifests.yaml_text import load

Eventually = Callable[..., Any]
Exporter = Callable[..., Callable[[], list[str]]]

FOLDER = ROOT / "deploy/prometheus"
QUERIES = load((FOLDER / "queries.yml").read_text())
EXPORTED = load((FOLDER / "exported.yml").read_text())

DEAD_LETTER = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values (:id, 'botberi.record-audit', 'evt_1', 's', 't', 'u', 'refused', '', 1, '{}')
"""

STUB_STATUS = b"Active connections: 3 \nserver accepts handled requests\n 7 7 9 \nReading: 0 Writing: 1 Waiting: 2 \n"


@pytest.fixture
def exporter(env: Environment) -> Iterator[Exporter]:
    """Start an exporter of the distribution, and return what reads a scrape of it."""
    started: list[ManagedProcess] = []

    def start(kind: str, *args: str, **environment: str) -> Callable[[], list[str]]:
        program = binaries.installed(f"prometheus-{kind}-exporter")
        if program is None:
            pytest.skip(f"prometheus-{kind}-exporter is not installed")
        [port] = free_ports(1)
        command = [str(program), f"--web.listen-address={LOOPBACK}:{port}", *args]
        started.append(
            managed_process.start(f"{kind}-exporter", command, run=env.session, cwd=FOLDER, environment=environment)
        )

        def scrape() -> list[str]:
            try:
                with urlopen(f"http://{LOOPBACK}:{port}/metrics") as answer:
                    return str(answer.read().decode()).splitlines()
            except OSError:
                return []

        return scrape

    yield start
    for process in started:
        process.stop()


def args(name: str) -> list[str]:
    """Return how an exporter is started, but for what depends on where it runs."""
    part = next(part for part in SERVICES if part.name == name)
    return [arg.replace("/etc/botberi", str(FOLDER)) for arg in part.args if "listen-address" not in arg]


def postgres(env: Environment, database: str, port: int | None = None) -> dict[str, str]:
    return {
        "DATA_SOURCE_URI": f"{LOOPBACK}:{port or env.ports.shared_psql}/{database}_{env.worker}?sslmode=disable",
        "DATA_SOURCE_USER": "botberi_exporter",
        "DATA_SOURCE_PASS_FILE": str(env.secrets / "shared-psql-exporter"),
    }


def missing(lines: list[str], names: list[str]) -> set[str]:
    return {name for name in names if not any(line.startswith((f"{name} ", f"{name}{{")) for line in lines)}


def test_each_query_of_ours_answers_what_it_declares_to_a_role_that_may_do_no_more(env: Environment) -> None:
    env.renew()
    with env.transaction("shared_psql", "exporter") as db:
        for each in QUERIES.values():
            declared = [name for column in each["metrics"] for name in column]
            assert list(db.execute(text(each["query"])).keys()) == declared


def test_postgres_shows_its_statistics_and_open_dead_letters_by_queue(
    env: Environment, exporter: Exporter, eventually: Eventually
) -> None:
    env.renew()
    with env.transaction("shared_psql", "relay") as db:
        db.execute(text(DEAD_LETTER), {"id": new_id("ded")})
    scrape = exporter("postgres", *args("exporter-shared-psql"), **postgres(env, "shared_psql"))
    eventually(lambda: any('queue="botberi.record-audit"' in line and line.endswith(" 1") for line in scrape()))
    assert missing(scrape(), EXPORTED["postgres"]) == set()


def test_redis_shows_its_statistics_and_jobs_while_no_worker_takes_them(
    env: Environment, exporter: Exporter, eventually: Eventually
) -> None:
    env.renew()
    queue.converge("ins_1")
    password = (env.secrets / "user-redis-exporter").read_text()
    address = f"{LOOPBACK}:{env.ports.user_redis}"
    scrape = exporter("redis", *args("exporter-redis"), REDIS_ADDR=address, REDIS_PASSWORD=password)
    eventually(lambda: 'redis_key_size{db="db1",key="instances.user"} 1' in scrape())
    assert missing(scrape(), EXPORTED["redis"]) == set()


def test_the_edge_shows_its_statistics(exporter: Exporter, eventually: Eventually) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(STUB_STATUS)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer((LOOPBACK, 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        scrape = exporter("nginx", f"--nginx.scrape-uri=http://{LOOPBACK}:{server.server_port}/")
        eventually(lambda: "nginx_http_requests_total 9" in scrape())
        assert missing(scrape(), EXPORTED["edge"]) == set()
        server.shutdown()
    eventually(lambda: "nginx_up 0" in scrape())


def test_what_is_away_is_said_to_be(env: Environment, exporter: Exporter, eventually: Eventually) -> None:
    databases = exporter("postgres", *args("exporter-user-psql"), **postgres(env, "user_psql", port=1))
    cache = exporter("redis", *args("exporter-redis"), REDIS_ADDR=f"{LOOPBACK}:1")
    eventually(lambda: "pg_up 0" in databases())
    eventually(lambda: "redis_up 0" in cache())
