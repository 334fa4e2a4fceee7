"""`python -m tools.bench.instances.stopping`: how long it takes until a kill switch has stopped what runs, and what of.

All of the product runs as processes, on services of its own. The instances are copies of one that was really created;
as many of them as `--awake` says have been asked something, and have an agent awake.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from core.ids import new_id
from tools.bench.instances import product
from tools.bench.instances.product import Product
from tools.documents import Document
from tools.harness import environment
from tools.harness.environment import wait
from tools.harness.outages import exit_when_told, private_servers

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


@dataclass
class Bench(Product):
    """The running product, and whose instances are stopped."""

    owner: str
    """The id of their account."""

    def ask(self, port: int, path: str, body: Document, *scopes: str) -> Document:
        """Return what their owner's POST is answered."""
        return self.post(port, path, body, self.token(self.owner, *scopes))

    def answer(self, question: str) -> bool:
        """Return the one value of a query."""
        [[found]] = self.run(f"select {question}")
        return bool(found)

    def seconds(self, kind: str) -> list[float]:
        """Return the seconds from the kill switch until each instance was told to be stopped, or was so."""
        return [float(seconds) for (seconds,) in self.run(_SECONDS, kind=kind)]

    def processor_seconds(self) -> dict[str, float]:
        """Return how much of a processor each process and what it has started have taken so far, by its name."""
        return {name: self.spent(name) for name in self.started}


@contextmanager
def _prepared() -> Iterator[Bench]:
    exit_when_told()
    with private_servers() as servers:
        os.environ["ACCOUNT_INSTANCES"] = "1000000"
        product.prepare()
        with closing(product.connect(servers.ports)) as postgres, product.running(servers) as started:
            yield Bench(servers.ports, started, postgres, new_id("usr"))


def _fill(bench: Bench, count: int, awake: int) -> None:
    bench.run(_COPIES, id=bench.create(bench.owner, config={}), count=count)
    for (each,) in bench.run("select id from instances order by id limit :awake", awake=awake):
        bench.ask(bench.ports.user, f"/v1/instances/{each}/messages", {"text": "Hello"})
    bench.wait_ended(60)


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
