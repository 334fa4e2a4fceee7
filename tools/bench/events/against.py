"""`python -m tools.bench.events.against COMMIT`: this checkout and another commit take turns; each figure is compared.

Both run as clones in a temporary folder, with the packages of this environment. What one repetition of either measures
is compared with the other's of the same turn, so that whatever else the machine does falls on both. Exits with 1 if the
median of a figure's ratios is worse by more than MAY_LOSE.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from provisioning.local_settings import ROOT
from tools.bench.events import __main__ as bench
from tools.bench.events.rows import RAW
from tools.bench.repeated import parser, say
from tools.bench.report import number
from tools.bench.rows import Sample
from tools.local.servers.binaries import find
from tools.pages import aligned

MAY_LOSE: Final = 0.05

RATES: Final = (
    "relay",
    "captured_commits",
    "waiting_commits",
    "delivered_beside_writers",
    "dispatched",
    "reverse",
    "backlog_rate",
)
"""Figures of the event path of which more is better; the others in RAW are its opponents'."""

COSTS: Final = {
    "latency_p50": "commit → function called, p50, ms",
    "latency_p99": "commit → function called, p99, ms",
    "takeover": "takeover after kill -9, s",
    "statements_beside_writers": "SQL statements per 1,000 events beside 16 writers",
    "statements_at_load": "SQL statements per 1,000 events of a backlog",
    "backlog_memory": "relay's memory, a million events piled up, MB",
}
"""Figures of which less is better."""


def compared(ours: Sequence[Sample], theirs: Sequence[Sample]) -> list[tuple[str, float, float, float]]:
    """Return title, our median, theirs, and the median of the ratios, above 1 when ours is better, of each figure."""
    lines = []
    for name in (*RATES, *COSTS):
        pairs = [
            (_value(a[name]), _value(b[name])) for a, b in zip(ours, theirs, strict=True) if name in a and name in b
        ]
        if pairs and all(min(pair) > 0 for pair in pairs):
            ratio = median(a / b if name in RATES else b / a for a, b in pairs)
            title = RAW[name] if name in RATES else COSTS[name]
            lines.append((title, median(a for a, _ in pairs), median(b for _, b in pairs), ratio))
    return lines


def _value(value: "float | list[float]") -> float:
    return median(value) if isinstance(value, list) else value


def _clone(commit: str, folder: Path) -> Path:
    git = str(find("git"))
    subprocess.run([git, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder)], check=True)
    subprocess.run([git, "-C", str(folder), "checkout", "--quiet", "--detach", commit], check=True)
    return folder


def _measure(tree: Path, only: Sequence[str], size: float) -> Sample:
    """Run one repetition in a clone; return what it measured."""
    command = [sys.executable, "-m", "tools.bench.events", "--save", "--repetitions", "1", "--size", str(size)]
    command += [part for name in only for part in ("--only", name)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{tree.name} could not be measured:\n{done.stdout}{done.stderr}")
    [sample] = json.loads((tree / "docs" / "performance" / "events.json").read_text())["samples"]
    return dict(sample)


def main() -> None:
    """Measure both in turn and print the table."""
    reads = parser("against", __doc__, bench.BENCHES, repetitions=3)
    reads.add_argument("commit", help="what to compare with")
    arguments = reads.parse_args()
    # A million events take minutes, and their memory doesn't vary.
    only = arguments.only or [name for name in bench.BENCHES if name not in bench.ONCE]
    with tempfile.TemporaryDirectory(prefix="botberi-against-") as name:
        trees = [_clone("HEAD", Path(name) / "ours"), _clone(arguments.commit, Path(name) / "theirs")]
        samples: tuple[list[Sample], list[Sample]] = ([], [])
        for turn in range(arguments.repetitions):
            # Who begins changes from turn to turn.
            for which in ((0, 1), (1, 0))[turn % 2]:
                samples[which].append(_measure(trees[which], only, arguments.size))
            say(f"{turn + 1} of {arguments.repetitions} turns")
    lines = compared(*samples)
    rows = [
        (title, number(ours), number(theirs), f"{ratio:.2f}", "WORSE" if ratio < 1 - MAY_LOSE else "ok")
        for title, ours, theirs, ratio in lines
    ]
    say(aligned([("figure", "ours", "theirs", "ratio", "verdict"), *rows]))
    sys.exit(any(ratio < 1 - MAY_LOSE for *_, ratio in lines))


if __name__ == "__main__":
    main()
