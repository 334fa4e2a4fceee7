"""The tables: who was killed, what was held, and how soon readers went on."""

from collections import defaultdict
from statistics import quantiles

from tools.chaos.kills import table
from tools.chaos.kills.platform import Platform, Window
from tools.chaos.kills.table import Rows
from tools.chaos.runs.evidence import Evidence
from tools.chaos.runs.invariants import INVARIANTS
from tools.chaos.runs.plan import READ_THROUGH
from tools.chaos.runs.protocols import ProtocolReader
from tools.chaos.runs.readers import Continued
from tools.chaos.runs.run import SETTLE, Outcome


def tables(platform: Platform, outcome: Outcome) -> list[Rows]:
    """Return all of them."""
    texts = {name: text.format(seconds=SETTLE) for name, text in INVARIANTS.items()}
    held = table.invariants(texts, _seen(outcome), outcome.violations)
    return [table.faults(platform), _runs(outcome.evidence), held, _continued(outcome.evidence)]


def _runs(evidence: Evidence) -> Rows:
    """Return what became of the runs."""
    kinds: dict[tuple[str, str], int] = defaultdict(int)
    for row in evidence.rows.values():
        kinds[row.status, row.reason] += 1
    return [["runs", "because", "number"], *([*kind, f"{number:,}"] for kind, number in sorted(kinds.items()))]


def _continued(evidence: Evidence) -> Rows:
    """Return how long it took from connecting again to the first event that was missed."""
    rows = [["reader", "cuts", "went on: p50 ms", "p95 ms", "while what it reads through was away: p95 ms"]]
    names = list(dict.fromkeys(reader.name for life in evidence.lives for reader in life.readers))
    for name in names:
        readers = [(life, each) for life in evidence.lives for each in life.readers if each.name == name]
        if any(isinstance(each, ProtocolReader) and each.counts_by_itself for _, each in readers):
            # Its numbers don't tell what was written before it connected.
            rows.append([name, f"{sum(each.cuts for _, each in readers):,}", "—", "—", "—"])
            continue
        missed = [
            each for life, reader in readers for each in reader.continued if _was_missed(evidence, life.ids, each)
        ]
        calm = [each.seconds for each in missed if not _is_disturbed(each, evidence.windows)]
        other = [each.seconds for each in missed if _is_disturbed(each, evidence.windows)]
        cuts = sum(reader.cuts for _, reader in readers)
        rows.append([name, f"{cuts:,}", _ms(calm, 9), _ms(calm, 18), _ms(other, 18)])
    return rows


def _was_missed(evidence: Evidence, ids: set[str], continued: Continued) -> bool:
    events = evidence.events.get(min(ids, default=""), [])
    place = continued.sequence - 1
    return place < len(events) and events[place].at.timestamp() < continued.began


def _is_disturbed(continued: Continued, windows: list[Window]) -> bool:
    end = continued.began + continued.seconds
    return any(each.victim in READ_THROUGH and each.begin < end and each.end > continued.began for each in windows)


def _ms(seconds: list[float], cut: int) -> str:
    return f"{quantiles(seconds, n=20)[cut] * 1000:.0f}" if len(seconds) > 1 else "—"


def _seen(outcome: Outcome) -> dict[str, str]:
    evidence = outcome.evidence
    readers = [reader for life in evidence.lives for reader in life.readers]
    runs = f"{len(evidence.rows):,} runs"
    statuses = sum(evidence.audited.values())
    return {
        **dict.fromkeys(
            ("complete", "alike"), f"{len(readers):,} readers, {sum(len(each.seen) for each in readers):,} events"
        ),
        "numbered": f"{sum(map(len, evidence.events.values())):,} events",
        **dict.fromkeys(("true", "settled"), runs),
        "once": f"{sum(map(len, evidence.calls.values())):,} calls",
        "single": f"{sum(life.wanted.twice for life in evidence.lives):,} messages",
        "delivered": f"{statuses:,} statuses",
        "orderly": f"{outcome.noted.served:,} requests served, {outcome.noted.unserved:,} not",
    }
