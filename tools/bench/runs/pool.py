"""A pool of runners: how many runs three of them see through together, and how these are shared out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from provisioning import local_settings
from tools.bench.runs.environment import RunsEnvironment
from tools.bench.runs.load import seen_through
from tools.harness.scrape import Watch
from tools.local import processes
from tools.local.servers import managed_process

RUNNERS: Final = 3

_CLAIMS: Final = "botberi_runner_claims_total"


def once(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return how many runs a second the pool completes, and the least share of a runner, 1 being its fair one."""
    with ExitStack() as stack:
        more = [stack.enter_context(_one_more(env, number)) for number in range(2, RUNNERS + 1)]
        watches = [Watch(env.ports.monitoring_runner), *more]
        before = [each.value(_CLAIMS) for each in watches]
        done = seen_through(env, size)
        claims = [each.value(_CLAIMS) - known for each, known in zip(watches, before, strict=True)]
    return {"pool_runs_a_second": done.a_second, "pool_share": min(claims) / (sum(claims) / RUNNERS)}


@contextmanager
def _one_more(env: RunsEnvironment, number: int) -> Iterator[Watch]:
    """Have one runner more inside of the block."""
    watch = Watch.on_a_free_port()
    command = processes.functions(env.ports)["runner"]
    # What is set last counts.
    told = [*command[:2], *(f"{name}={value}" for name, value in watch.settings.items()), *command[2:]]
    started = managed_process.start(f"runner-{number}", told, run=env.folder, cwd=local_settings.ROOT)
    try:
        started.wait_until(lambda: watch.status("/_/ready") == 200)
        yield watch
    finally:
        managed_process.stop_all([started])
