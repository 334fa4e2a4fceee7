"""What a hostile agent tries: refused behind the boundary, and no idle probe."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from functions.services.agent_host.sandbox import children
from tools.attack import agents
from tools.attack.hostile_agent.main import PROBES, TITLES

HARMLESS: Final = (
    *("read_secret", "list_secrets", "write_secret", "read_neighbour", "list_neighbours", "write_neighbour"),
    *("read_platform", "read_accounts", "list_root", "follow_link", "hard_link", "move_out", "change_mode"),
    *("change_times", "watch_files", "list_processes", "read_command_line", "walk_root", "read_connections"),
    *("signal_host", "signal_spawner", "own_signals", "limit_host", "slow_host", "move_host", "take_mark_off_again"),
    *("outlive", "connect_local", "connect_without_waiting", "connect_any", "connect_local_6", "connect_mapped"),
    *("connect_own", "fast_open", "fast_open_message", "datagram", "listen", "listen_anywhere", "unix_path"),
    *("unix_abstract", "unix_pair", "netlink", "hidden_memory", "signal_neighbour"),
)
"""Probes that harm nothing where nothing refuses them, so that it can be seen that they would get through."""


def test_every_probe_is_refused(tmp_path: Path) -> None:
    outcomes = list(agents.Attack(tmp_path).outcomes(PROBES))
    assert [each for each in outcomes if not each.refused] == []
    assert len({each.name for each in outcomes}) == len(PROBES) >= 60


AS_NOBODY: Final = """
set -e
mount --bind "$1" "$2"
mount -t tmpfs -o mode=755 none "$3"
mkdir -p "$1"
mount --bind "$2" "$1"
shift 3
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp PYTHONDONTWRITEBYTECODE=1 "$@"
"""
"""Runs a program as nobody, for whom alone an interpreter that lies in somebody's home is put where it can be read."""


@pytest.mark.skipif(os.geteuid() != 0, reason="who isn't root is somebody else already")
def test_every_probe_is_refused_to_somebody_who_is_not_root(tmp_path: Path) -> None:
    base = Path(sys.base_prefix).resolve()
    home = next((each for each in reversed(base.parents) if not each.stat().st_mode & stat.S_IXOTH), tmp_path / "none")
    (tmp_path / "none").mkdir()
    (tmp_path / "base").mkdir()
    done = subprocess.run(
        [
            *("unshare", "-m", "sh", "-c", AS_NOBODY, "sh", base, tmp_path / "base", home),
            *(sys.executable, "-m", "tools.attack.agents"),
        ],
        cwd=children.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_boundary_probes_get_through(tmp_path: Path) -> None:
    outcomes = {each.name: each for each in agents.Attack(tmp_path, bounded=False).outcomes(HARMLESS)}
    assert [each for each in outcomes.values() if each.refused] == []


def test_the_page_lists_every_probe() -> None:
    assert agents.table() in agents.PAGE.read_text(encoding="utf-8")
    assert set(TITLES) == set(PROBES)
