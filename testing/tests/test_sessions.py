import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning import local_settings
from testing import session
from testing.environment import Environment
from tools.local import orphans

PARTICIPANT = """
import sys
from testing import session
with session.joined(sys.argv[1]) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def participants() -> Iterator[list["subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for each in started:
        each.kill()
        each.communicate()


def _join(participants: list["subprocess.Popen[str]"], name: str) -> Path:
    participants.append(
        subprocess.Popen(
            [sys.executable, "-c", PARTICIPANT, name],
            env={**local_settings.inherited(), "PYTHONPATH": str(local_settings.ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    assert participants[-1].stdout is not None
    return Path(participants[-1].stdout.readline().strip())


def test_services_end_when_the_last_participant_is_killed(
    participants: list["subprocess.Popen[str]"], eventually: Callable[..., Any]
) -> None:
    name = uuid.uuid4().hex
    folder = _join(participants, name)
    ports = json.loads((folder / session.READY).read_text())
    assert _join(participants, name) == folder
    participants[0].kill()
    participants[0].wait()
    assert json.loads((folder / session.READY).read_text()) == ports
    participants[1].kill()
    eventually(lambda: not folder.exists() and not list(orphans.processes(folder)))


def test_the_next_run_clears_up_after_a_guard_that_was_killed() -> None:
    folder = Path(tempfile.mkdtemp(prefix=session.FAMILY))
    (folder / session.TAKING_PART).touch()
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleeper, env={local_settings.MARK: str(folder)}) as orphan:
        session.clear_up()
        assert orphan.wait() < 0
    assert not folder.exists()


def test_clearing_up_leaves_sessions_alone_that_somebody_takes_part_in(env: Environment) -> None:
    session.clear_up()
    assert (env.session / session.READY).exists()
    assert env.session.parent == Path(tempfile.gettempdir())
