"""A run of runs: by several owners, while the plan's faults happen, and then the verdict."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from migrations.databases import connect
from shared_psql_models.statuses import Status
from tools.chaos.kills import remains
from tools.chaos.kills.noted import Noted, Violation
from tools.chaos.kills.owners import Owner
from tools.chaos.kills.plan import Fault, planned
from tools.chaos.kills.platform import Platform
from tools.chaos.kills.suffering import Say, suffer
from tools.chaos.kills.target import Extent
from tools.chaos.runs import evidence as evidences
from tools.chaos.runs import life as lives
from tools.chaos.runs import platform as platforms
from tools.chaos.runs import verdict
from tools.chaos.runs.evidence import Evidence
from tools.chaos.runs.ledger import Ledger
from tools.chaos.runs.life import REQUESTS, Asking, Instance, Life
from tools.chaos.runs.plan import LAST, WEIGHTS, wanted
from tools.local.wait import until

OWNERS: Final = 4

INSTANCES: Final = 2
"""Instances of either agent that each owner has."""

SETTLE: Final = 60
"""Seconds from the last kill in which everything has to be settled."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    evidence: Evidence
    violations: list[Violation]
    settled: float
    """Seconds that it took after the last kill."""
    noted: Noted


def run(platform: Platform, ledger: Ledger, extent: Extent, say: Say) -> Outcome:
    """Let all of it happen."""
    noted, began = platform.noted, time.monotonic()
    address = platforms.edge(platform)
    instances = _instances(address, noted)
    made = [Life(wanted(extent.seed, number)) for number in range(extent.count)]
    *plan, last = planned(extent.seed, extent.faults, extent.count * REQUESTS, WEIGHTS, LAST)

    def live(number: int, life: Life) -> None:
        among = instances[life.wanted.again]
        asking = Asking(among[number % len(among)], address, ledger.port, noted)
        lives.live(life, asking, extent.seed)
        done = sum(each.is_over for each in made)
        if done % 25 == 0:
            say(f"  {done} of {extent.count} runs are over after {time.monotonic() - began:.0f} s")

    with platform.looked_after():
        suffer(platform, plan, [partial(live, *each) for each in enumerate(made)], say, at_once=extent.at_once)
        say(f"  the last of {extent.faults}: {' and '.join(last.victims)}")
        return _judged(platform, ledger, last, made)


def _instances(address: str, noted: Noted) -> dict[bool, list[Instance]]:
    """Create what is asked, by whether it may be asked again, and wait until it runs."""
    made: dict[bool, list[Instance]] = {False: [], True: []}
    for number in range(OWNERS):
        owner = Owner(address, f"owner-{number}@example.com", noted)
        for again, slug in platforms.SLUGS.items():
            for _ in range(INSTANCES):
                answer = owner.ask("POST", "/v1/instances", {"agent": slug, "name": slug})
                made[again].append(Instance(str(answer.body["id"]), owner))
    for each in [*made[False], *made[True]]:
        until(partial(_runs, each), seconds=120)
    return made


def _runs(instance: Instance) -> bool:
    return bool(instance.owner.ask("GET", f"/v1/instances/{instance.id}").body["status"] == Status.RUNNING)


def _judged(platform: Platform, ledger: Ledger, last: Fault, made: list[Life]) -> Outcome:
    began = time.monotonic()
    platform.suffer(last)
    until(_is_settled, seconds=began + SETTLE - time.monotonic(), pause=0.5)
    settled = time.monotonic() - began
    with connect("shared_psql", "migrator").begin() as db:
        evidence = evidences.collect(db, made, ledger.calls, platform.windows)
    evidence.noted = [*platform.noted.violations, *remains.bugs(platform.logs())]
    return Outcome(evidence, verdict.judge(evidence), settled, platform.noted)


def _is_settled() -> bool:
    with connect("shared_psql", "migrator").begin() as db:
        return evidences.settled(db)
