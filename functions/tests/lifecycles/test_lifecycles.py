"""Whatever happens to instances, in whatever order, what has to be true of them stays so, and they arrive."""

import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from functions.tests.lifecycles.machine import Lifecycles
from functions.tests.lifecycles.world import prepared
from testing.clients import Api
from testing.environment import Environment
from testing.plugin import LONG

STEPS: Final = 10_000
"""That the long form takes at least: `make prove-instances`."""


def test_instances_keep_every_promise_whatever_happens_to_them(
    api: Api, env: Environment, host_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = settings.get_current_profile_name() == LONG
    lives = settings(max_examples=25 if long else 10, stateful_step_count=50, report_multiple_bugs=False)
    with prepared(api, env, host_address, tmp_path, monkeypatch) as world:
        Lifecycles.world = world
        run_state_machine_as_test(Lifecycles, settings=lives)
        while long and world.steps < STEPS:
            sys.stdout.write(f"{world.steps} steps\n")
            sys.stdout.flush()
            run_state_machine_as_test(Lifecycles, settings=lives)
    for change, times in world.reached.most_common() if long else ():
        sys.stdout.write(f"{times:6} {change}\n")
    sys.stdout.write(f"{world.steps} steps\n")
