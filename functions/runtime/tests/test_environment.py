"""What a function needs and hasn't got is said at its start."""

import os
import subprocess
import sys
from pathlib import Path

from provisioning.local_settings import inherited


def start(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**inherited(), "PYTHONPATH": os.environ.get("PYTHONPATH", "."), "BOTBERI_SECRETS": str(folder)}
    command = [sys.executable, "-m", "functions.runtime.host", "read_me"]
    return subprocess.run(command, env=environment | settings, capture_output=True, text=True, check=False)


def test_a_missing_setting_is_named_in_one_line(tmp_path: Path) -> None:
    ended = start(tmp_path)

    assert ended.stderr == "read_me can't start: the environment variable USER_PSQL_URL is not set\n"
    assert ended.returncode == 1


def test_a_missing_secret_is_named_with_the_file_it_was_expected_in(tmp_path: Path) -> None:
    ended = start(tmp_path, USER_PSQL_URL="127.0.0.1:1/user_psql")

    assert (
        ended.stderr
        == f"read_me can't start: the secret jwt-public-keys is missing: expected a file {tmp_path}/jwt-public-keys\n"
    )
    assert ended.returncode == 1
