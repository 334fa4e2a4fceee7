"""What a runner shows to those who monitor it."""

from collections.abc import Iterator
from time import monotonic
from typing import Final

from core.monitoring import Families, Sample
from functions.services.runner.runner import Runner

SILENT_SECONDS: Final = 60
"""After which a runner that has looked for no run isn't ready."""

FAMILIES: Final[Families] = {
    "botberi_runner_runs": "Runs that it works on.",
    "botberi_runner_runs_limit": "Runs that it may work on at a time.",
    "botberi_runner_claims_total": "Attempts that it has begun.",
    "botberi_runner_batches_total": "Batches of what agents said that it has written.",
    "botberi_runner_events_total": "Events of runs that it has written in batches.",
}


class Watched:
    """A runner, as those see it who monitor it."""

    def __init__(self, runner: Runner) -> None:
        """Show `runner`."""
        self._runner = runner

    def samples(self) -> Iterator[Sample]:
        """Yield every metric."""
        runner = self._runner
        yield "botberi_runner_runs", {}, runner.at_work
        yield "botberi_runner_runs_limit", {}, runner.settings.runs
        yield "botberi_runner_claims_total", {}, runner.claimed
        yield "botberi_runner_batches_total", {}, runner.writer.batches
        yield "botberi_runner_events_total", {}, runner.writer.pieces

    def readiness_problem(self) -> str | None:
        """Return why it can't do its work; None when it can."""
        silent = monotonic() - self._runner.last_look
        if silent < SILENT_SECONDS or self._runner.at_work >= self._runner.settings.runs:
            return None
        return f"it has looked for no run for {silent:.0f} s"
