"""SIGTERM: what is under way is finished if it is short, and left to the next dispatcher if it is not."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from events.subscriptions import Subscription
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

SLOW = Subscription("slow", "botberi.slow", ("#",), 30, 4, 8, 0.02, 0.2)

LIMIT = 5
"""Seconds in which every part has to end."""


@pytest.fixture
def working(quiet_path: EventPath, eventually: Eventually) -> Callable[[float], EventPath]:
    def work(seconds: float) -> EventPath:
        quiet_path.stop()
        quiet_path.subscribe(SLOW)
        # What a dispatcher before left unacknowledged.
        quiet_path.purge(SLOW.queue)
        quiet_path.start("relay")
        quiet_path.start("dispatcher")
        quiet_path.recorder.delay = seconds
        quiet_path.emit("agt_slow")
        eventually(lambda: quiet_path.recorder.calls[SLOW.function])
        return quiet_path

    return work


def test_a_call_under_way_is_finished_and_not_repeated(
    working: Callable[[float], EventPath], eventually: Eventually
) -> None:
    path = working(1.0)
    process = path.processes.pop("dispatcher").process
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0
    assert path.recorder.subjects(SLOW.function) == ["agt_slow"]
    eventually(lambda: path.depth(SLOW.queue) == 0)
    assert len(path.recorder.calls[SLOW.function]) == 1


def test_a_call_that_hangs_is_left_to_the_next(working: Callable[[float], EventPath], eventually: Eventually) -> None:
    path = working(20.0)
    process = path.processes.pop("dispatcher").process
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0
    path.recorder.delay = 0
    path.start("dispatcher-2")
    eventually(lambda: path.recorder.subjects(SLOW.function) == ["agt_slow"])


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("FUNCTIONS_URL", "http://gateway:8080/function/", "{name}"), ("SUBSCRIPTIONS", "bad.json", "can't be")],
)
def test_what_can_never_work_is_said_in_one_sentence(
    quiet_path: EventPath, setting: str, value: str, said: str
) -> None:
    quiet_path.stop()
    quiet_path.subscribe(SLOW)
    bad = quiet_path.folder / "bad.json"
    bad.write_text('[{"function": "x", "queue": "q", "types": ["t"], "schedule": "61 * * * *"}]')
    process = quiet_path.start("dispatcher", **{setting: str(bad) if value == "bad.json" else value})
    assert process.process.wait(30) == 1
    last = quiet_path.log("dispatcher").splitlines()[-1]
    assert said in last
    quiet_path.processes.clear()
