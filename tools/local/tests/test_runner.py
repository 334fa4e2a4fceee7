"""What dies is started again and said, and nothing does so in silence for ever."""

import os
from functools import partial
from pathlib import Path

import pytest

from provisioning import local_settings
from tools.local import orphans, runner
from tools.local.runner import Runner
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess

COUNT = "echo >> {name}.starts; "
"""Each start leaves a line."""

LIVES = COUNT + "exec sleep 600"
DIES_ONCE = COUNT + "[ $(wc -l < {name}.starts) -gt 1 ] && exec sleep 600; sleep 599 & exit 3"
DIES = COUNT + 'echo one; echo two; echo \'{{"level": "error", "message": "the last words"}}\'; exit 4'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runner, "SHORT_PAUSE", 0.05)
    monkeypatch.setattr(runner, "LONG_PAUSE", 0.5)
    # However slow the machine is, the second death comes soon after the first.
    monkeypatch.setattr(runner, "QUICK", 100.0)
    return tmp_path


def starts(run: Path, name: str) -> int:
    file = run / f"{name}.starts"
    return len(file.read_text().splitlines()) if file.exists() else 0


def made(run: Path, *servers: ManagedProcess, **scripts: str) -> Runner:
    """Return a runner of shell scripts, each of which is up as soon as it has started."""
    runs = Runner(run, servers)
    commands = {name: ["sh", "-c", script.format(name=name)] for name, script in scripts.items()}
    runs.add(
        commands, {name: partial(starts, run, name) for name in scripts}, {**os.environ, local_settings.MARK: str(run)}
    )
    return runs


def interrupt() -> None:
    raise KeyboardInterrupt


def test_what_dies_is_started_again_and_nothing_else_ends(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = made(run, lives=LIVES, once=DIES_ONCE)
    # What it leaves behind ends with it: a child would keep its port.
    runs.services[1].check = lambda: starts(run, "once") > 1 and len(list(orphans.processes(run))) == len(runs.services)
    assert runs.loop(interrupt) is None
    assert (starts(run, "lives"), starts(run, "once")) == (1, 2)
    assert "botberi: once ended with code 3 and is started again; its log is " in capsys.readouterr().out
    assert list(orphans.processes(run)) == []


def test_what_dies_twice_before_everything_is_up_ends_the_run_with_its_last_lines(run: Path) -> None:
    runs = made(run, lives=LIVES, dies=DIES)
    runs.services[1].check = lambda: False
    trouble = runs.loop(lambda: None)
    assert trouble is not None
    assert trouble.startswith("dies ended again, with code 4; its log ")
    assert trouble.endswith("\n    one\n    two\n    the last words")
    assert starts(run, "dies") == 2
    assert list(orphans.processes(run)) == []


def test_what_dies_twice_later_is_named_and_tried_again_while_the_others_go_on(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "until [ -e dies.starts ] && [ $(wc -l < dies.starts) -gt 3 ]; do sleep 0.05; done"
    server = managed_process.start("server", ["sh", "-c", script], run=run, cwd=run)
    runs = made(run, server, lives=LIVES, dies=DIES)
    trouble = runs.loop(lambda: None)
    assert trouble is not None
    assert trouble.startswith("server ended; its log ")
    told = capsys.readouterr().out
    assert "dies ended again, with code 4" in told
    assert "everything else goes on; the next try is in" in told
    assert "dies         | error: the last words" in told
    assert starts(run, "lives") == 1
