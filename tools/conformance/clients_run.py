"""Running a program that uses a protocol's client, and counting what it says."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from provisioning.local_settings import ROOT
from tools.conformance.clients import reporting
from tools.conformance.results import Result

SECONDS = 300

_PROGRAM = re.compile(r"```(?:python|js)\n(.*?)```", re.DOTALL)


def run(kit: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Result:
    """Run a program and count the checks that it tells, and its end as one more where that is no success."""
    done = subprocess.run(
        [str(each) for each in command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    checks = reporting.read(done.stdout)
    failed = [f"{each['check']}: {each.get('why', 'failed')}" for each in checks if not each["passed"]]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        failed.append(f"it ended with code {done.returncode}: {last}")
    total = len(checks) + bool(done.returncode)
    return Result(kit, total - len(failed), total, failed)


def snippet(page: str, command: Sequence[str | Path], environment: Mapping[str, str], *, says: str) -> Result:
    """Run the first program that stands in a page of the documentation, and see that it says what it should."""
    text = (ROOT / page).read_text(encoding="utf-8")
    program = "".join(_PROGRAM.findall(text)[:1])
    done = subprocess.run(
        [str(each) for each in command],
        env={"PATH": os.environ["PATH"], **environment},
        input=program,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if says in done.stdout:
        return Result(page, 1, 1)
    return Result(page, 0, 1, [f"it said {done.stdout[-200:]!r} and {done.stderr[-300:]!r}"])
