"""`python -m tools.bench.instances.stopping`: how long it takes until a kill switch has stopped what runs, and what of.

All of the product runs as processes, on services of its own. The instances are copies of one that was really created;
as many of them as `--awake` says have been asked something, and have an agent awake.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import pika
import psutil

from core import http_client
from core.configuration import secret
from core.ids import new_id
from core.postgres.pipelined import DiscreetNative
from events import subscriptions
from events.broker import bus
from events.topology import declaration
from functions.domain.accounts import access_tokens
from provisioning import local_settings, seed
from provisioning.local_settings import LOOPBACK, Ports
from tools.documents import Document
from tools.harness import environment
from tools.harness.environment import wait
from tools.harness.outages import PrivateServers, private_servers
from tools.local import health, orphans, processes
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess

MUST: Final = 10
"""Seconds in which all have to be stopped."""

_COPIES: Final = """
with more as (
  insert into instances
  select made.* from generate_series(2, cast(:count as integer)) as n, instances as one,
    jsonb_populate_record(one, jsonb_build_object('id', 'ins_' || lpad(to_hex(n), 32, '0'))) as made
  where one.id = :id returning id
)
insert into instance_specs
select made.* from more, instance_specs as one,
  jsonb_populate_record(one, jsonb_build_object('instance_id', more.id)) as made where one.instance_id = :id
"""

_SECONDS: Final = """
select extract(epoch from at - (select engaged_at from kill_switches))::float from instance_events
where kind = :kind and value = 'stopped' order by at
"""


_HEARD: Final = """
(select count(*) from inbox where subscriber = 'record_audit') >= (select count(*) from outbox)
"""


@dataclass(frozen=True)
class Bench:
    """The running product, and who asks it."""

    ports: Ports
    postgres: DiscreetNative
    owner: str
    """The id of the account whose instances they are."""
    started: list[ManagedProcess]
    """All processes, servers among them."""

    def ask(self, port: int, path: str, body: Document, *scopes: str) -> Document:
        """Return what a POST is answered with 2xx."""
        token = access_tokens.issue(self.owner, new_id("ses"), scopes)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"http://{LOOPBACK}:{port}{path}"
        answer = http_client.request("POST", url, seconds=60, body=json.dumps(body).encode(), headers=headers)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            message = f"{path} was answered {answer.status}: {answer.body.decode()}"
            raise RuntimeError(message)
        return dict(json.loads(answer.body))

    def answer(self, question: str) -> bool:
        """Return the one value of a query."""
        [[found]] = self.postgres.run(f"select {question}")
        return bool(found)

    def seconds(self, kind: str) -> list[float]:
        """Return the seconds from the kill switch until each instance was told to be stopped, or was so."""
        return [float(seconds) for (seconds,) in self.postgres.run(_SECONDS, kind=kind) or []]

    def processor_seconds(self) -> dict[str, float]:
        """Return how much of a processor each process and what it has started have taken so far, by its name."""
        return {each.name: _processor_seconds(each.process.pid) for each in self.started}


def _processor_seconds(pid: int) -> float:
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        # What children took that have ended meanwhile is their parents'.
        total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def _prepared() -> Iterator[Bench]:
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    with private_servers() as servers:
        os.environ["ACCOUNT_INSTANCES"] = "1000000"
        with pika.BlockingConnection(bus.parameters("admin")) as connection:
            declaration.declare(connection, subscriptions.read())
        seed.catalog()
        ours: list[ManagedProcess] = []
        try:
            _start(servers, ours)
            with closing(_connected(servers.ports)) as postgres:
                yield Bench(servers.ports, postgres, new_id("usr"), [*servers.started, *ours])
        finally:
            for process in ours:
                process.ask_to_stop()
            for process in ours:
                process.stop()
            orphans.end(servers.run)


def _start(servers: PrivateServers, started: list[ManagedProcess]) -> None:
    commands, ready = processes.functions(servers.ports), health.functions(servers.ports)
    for name, command in commands.items():
        started.append(managed_process.start(name, command, run=servers.run, cwd=local_settings.ROOT))
    for each in started:
        each.wait_until(ready[each.name])


def _connected(ports: Ports) -> DiscreetNative:
    password = secret("psql-superuser")
    return DiscreetNative(
        postgres_server.SUPERUSER, host=LOOPBACK, port=ports.shared_psql, database="shared_psql", password=password
    )


def _fill(bench: Bench, count: int, awake: int) -> None:
    wanted = {"agent": "echo", "name": "A bench", "config": {}}
    instance_id = str(bench.ask(bench.ports.user, "/v1/instances", wanted, "user")["id"])
    wait(
        lambda: bench.answer("exists (select from instances where status = 'running')"), 300, "an instance doesn't run"
    )
    bench.postgres.run(_COPIES, id=instance_id, count=count)
    for (each,) in bench.postgres.run("select id from instances order by id limit :awake", awake=awake) or []:
        bench.ask(bench.ports.user, f"/v1/instances/{each}/messages", {"text": "Hello"}, "user")


@dataclass(frozen=True)
class Measured:
    """What came of one kill switch."""

    asked: list[float]
    """The seconds from its being engaged until each instance was asked to stop, and its owner is told so."""
    stopped: list[float]
    """Until each was stopped."""
    taken: dict[str, float]
    """The processor seconds of each process, until nothing of it was left to do."""


def measure(bench: Bench) -> Measured:
    """Stop everything."""
    before = bench.processor_seconds()
    switch = {"scope": "everything", "reason": "A bench."}
    bench.ask(bench.ports.admin, "/v1/admin/kill-switches", switch, "user", "admin")
    wait(
        lambda: bench.answer("not exists (select from instances where status <> 'stopped')"),
        600,
        "not everything was stopped",
        pause=0.1,
    )
    # Whoever keeps account of every event is the last to have heard of all.
    wait(
        lambda: bench.answer(_HEARD),
        600,
        "not every event arrived",
        pause=0.5,
    )
    taken = {name: seconds - before[name] for name, seconds in bench.processor_seconds().items()}
    return Measured(bench.seconds("desired_state"), bench.seconds("status"), taken)


def main() -> None:
    """Measure once, and print the figures."""
    parser = argparse.ArgumentParser(prog="stopping", description=__doc__)
    parser.add_argument("--instances", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--awake", type=int, default=20, help="of these, at most 32; default: %(default)s")
    told = parser.parse_args()
    with _prepared() as bench:
        _fill(bench, told.instances, told.awake)
        load = environment.load()
        measured = measure(bench)
    half, *_, last = measured.stopped[told.instances // 2 :]
    lines = [
        f"{told.instances} instances, {told.awake} of them awake; {environment.machine()}, load {load}",
        f"all were asked to stop after {measured.asked[-1]:.1f} s",
        f"half were stopped after {half:.1f} s, all after {last:.1f} s",
        f"processor time of each: {sum(measured.taken.values()) / told.instances * 1000:.1f} ms",
        *(
            f"  {name}: {value / told.instances * 1000:.1f} ms"
            for name, value in sorted(measured.taken.items(), key=lambda each: -each[1])
        ),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(last > MUST)


if __name__ == "__main__":
    main()
