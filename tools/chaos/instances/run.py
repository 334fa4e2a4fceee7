"""A run: lifecycles by several owners while the plan's faults happen, and then the verdict."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Final

from shared_psql_models.statuses import DesiredState
from tools.chaos.instances import evidence as evidences
from tools.chaos.instances import verdict
from tools.chaos.instances.evidence import NOBODY, Evidence
from tools.chaos.instances.lifecycle import REQUESTS, Lifecycle
from tools.chaos.instances.plan import LAST, WEIGHTS
from tools.chaos.kills import remains
from tools.chaos.kills.noted import Violation
from tools.chaos.kills.owners import Owner
from tools.chaos.kills.plan import Fault, planned
from tools.chaos.kills.platform import IDLE, Platform
from tools.chaos.kills.suffering import Say, suffer
from tools.chaos.kills.target import Extent
from tools.local.wait import until

OWNERS: Final = 5

CONVERGE: Final = 60
"""Seconds from the last kill in which everything has to be as it is wanted."""

ANSWERS: Final = 20
"""Seconds in which each running instance has to answer then."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    evidence: Evidence
    violations: list[Violation]
    converged: float
    """Seconds that it took after the last kill."""
    served: int
    """Requests that change something, or are messages, and were answered."""
    unserved: int


def run(platform: Platform, extent: Extent, say: Say) -> Outcome:
    """Let all of it happen."""
    noted, began = platform.noted, time.monotonic()
    owners = [Owner(platform.address, f"owner-{number}@example.com", noted) for number in range(OWNERS)]
    lives = [Lifecycle(number, owner, extent.seed, noted) for number, owner in zip(range(extent.count), cycle(owners))]
    *plan, last = planned(extent.seed, extent.faults, extent.count * REQUESTS, WEIGHTS, LAST)

    def live(life: Lifecycle) -> None:
        life.run()
        done = sum(each.is_over for each in lives)
        if done % 10 == 0:
            say(f"  {done} of {extent.count} lifecycles are over after {time.monotonic() - began:.0f} s")

    with platform.looked_after():
        suffer(platform, plan, [partial(live, each) for each in lives], say, at_once=extent.at_once)
        say(f"  the last of {extent.faults}: {' and '.join(last.victims)}")
        return _judged(platform, last, owners, lives, extent.at_once)


def _judged(platform: Platform, last: Fault, owners: list[Owner], lives: list[Lifecycle], at_once: int) -> Outcome:
    began = time.monotonic()
    platform.suffer(last)
    until(evidences.settled, seconds=began + CONVERGE - time.monotonic(), pause=0.5)
    converged = time.monotonic() - began
    # What was woken last may be idle for that long yet.
    until(lambda: evidences.agents(platform) == NOBODY, seconds=max(IDLE + 5, CONVERGE - converged), pause=0.5)
    asleep = evidences.agents(platform)
    promised = [life.promised for life in lives]
    silent = _silent(lives, at_once)
    awake = evidences.agents(platform)
    evidence = evidences.collect(promised, {owner.id: _used(owner) for owner in owners}, silent)
    evidence.asleep, evidence.awake = asleep, awake
    evidence.left = remains.left_behind(platform.left)
    evidence.noted = [*platform.noted.violations, *remains.bugs(platform.logs())]
    return Outcome(evidence, verdict.judge(evidence), converged, platform.noted.served, platform.noted.unserved)


def _silent(lives: list[Lifecycle], at_once: int) -> list[str]:
    """Ask each instance that is to run something; return those that don't answer."""
    running = [life for life in lives if life.promised.desired == DesiredState.RUNNING and life.promised.ids]
    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda life: life.answers(ANSWERS), running))
    return [min(life.promised.ids) for life, answered in zip(running, answers, strict=True) if not answered]


def _used(owner: Owner) -> int:
    return int(owner.ask("GET", "/v1/me/usage").body["usage"]["instances"]["used"])
