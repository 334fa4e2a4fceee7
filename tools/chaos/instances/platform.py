"""The platform that instances live on: its catalog has the sample agents, and a version that doesn't start."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from functions.domain.catalog import bundles, releases, samples
from functions.runtime.databases import shared_transaction
from tools.chaos.instances.lifecycle import AGENT, BROKEN
from tools.chaos.instances.plan import WEIGHTS
from tools.chaos.kills import platform
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.platform import Platform


@contextmanager
def running(noted: Noted) -> Iterator[Platform]:
    """Start the platform; leave nothing of it running."""
    with platform.running(noted, WEIGHTS, publish=_publish_broken) as started:
        yield started


def _publish_broken(folder: Path) -> None:
    """Publish a version of the agent that doesn't start."""
    (folder / "main.py").write_text('def agent(request):\n    return {}\n\n\nraise RuntimeError("broken")\n')
    schema = json.loads((samples.FOLDER / AGENT / "config_schema.json").read_text(encoding="utf-8"))
    release = releases.checked(BROKEN, config_schema=schema, bundle=bundles.bundle(folder))
    with shared_transaction("admin") as db:
        releases.publish(db, AGENT, release, move=[])
