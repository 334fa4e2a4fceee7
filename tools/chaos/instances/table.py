"""The tables of a run: what happened how often, and what was held."""

from tools.chaos.instances.run import CONVERGE, Outcome
from tools.chaos.instances.violations import INVARIANTS
from tools.chaos.kills import table
from tools.chaos.kills.platform import Platform
from tools.chaos.kills.table import Rows


def tables(platform: Platform, outcome: Outcome) -> list[Rows]:
    """Return who was killed, and what was held."""
    texts = {name: text.format(seconds=CONVERGE) for name, text in INVARIANTS.items()}
    return [table.faults(platform), table.invariants(texts, _seen(outcome), outcome.violations)]


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
