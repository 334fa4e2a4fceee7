"""The tables of a run: what happened how often, and what was held."""

from collections import Counter
from statistics import median

from tools import pages
from tools.chaos.instances.plan import WEIGHTS
from tools.chaos.instances.platform import Platform
from tools.chaos.instances.run import CONVERGE, Outcome
from tools.chaos.instances.violations import INVARIANTS

Rows = list[list[str]]


def faults(platform: Platform) -> Rows:
    """Return who was killed how often, and for how long it was away."""
    rows = [["killed with SIGKILL", "times", "away p50/max s"]]
    for name in WEIGHTS:
        away = platform.outages.get(name, [])
        spread = f"{median(away):.1f} / {max(away):.1f}" if away else "—"
        rows.append([name, f"{platform.kills[name]:,}", spread])
    return rows


def invariants(outcome: Outcome) -> Rows:
    """Return what must hold, of how many things it was seen, and how often it didn't."""
    broken = Counter(each.invariant for each in outcome.violations)
    seen = _seen(outcome)
    return [
        ["what must hold", "seen of", "violations"],
        *([text.format(seconds=CONVERGE), seen[name], f"{broken[name]:,}"] for name, text in INVARIANTS.items()),
    ]


def _seen(outcome: Outcome) -> dict[str, str]:
    evidence = outcome.evidence
    instances = f"{len(evidence.rows):,} instances"
    history = f"{len(evidence.history):,} changes"
    stops = sum(len(each.closed) for each in evidence.promised)
    return {
        **dict.fromkeys(("converged", "kept", "single"), instances),
        "unleaked": f"{len(evidence.awake.processes):,} agents that were awake",
        **dict.fromkeys(("history", "blameless"), history),
        "delivered": f"{sum(evidence.handled.values()):,} deliveries",
        "refused": f"{stops:,} stops and deletions",
        "own": f"{sum(len(each.accepted) for each in evidence.promised):,} answers",
        "quotas": f"{len(evidence.used):,} accounts",
        "orderly": f"{outcome.served:,} requests served, {outcome.unserved:,} not",
    }


def text(platform: Platform, outcome: Outcome) -> str:
    """Return both for a terminal."""
    return "\n\n".join(pages.aligned(rows) for rows in (faults(platform), invariants(outcome)))


def markdown(platform: Platform, outcome: Outcome) -> str:
    """Return both for a page."""
    return "\n\n".join(pages.table(head, rows) for head, *rows in (faults(platform), invariants(outcome)))
