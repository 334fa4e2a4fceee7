"""Kill the relay where it hurts: nothing is lost, invented or out of order."""

import shutil
import signal
from collections.abc import Callable
from typing import Any

import pytest

from events.relay.window import IN_FLIGHT
from events.subscriptions import Subscription
from tools.harness import history
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

HISTORY = Subscription("history", "botberi.history", ("#",))


@pytest.fixture
def written(quiet_path: EventPath) -> EventPath:
    quiet_path.stop()
    shutil.rmtree(quiet_path.folder / "logs", ignore_errors=True)
    quiet_path.subscribe(HISTORY)
    quiet_path.query("drop table if exists history, subjects")
    history.delivered(quiet_path, HISTORY.queue)
    return quiet_path


def judged(path: EventPath, eventually: Eventually) -> history.Verdict:
    eventually(lambda: history.drained(path))
    return history.judge(history.committed(path), history.delivered(path, HISTORY.queue))


def at_work(path: EventPath, name: str, eventually: Eventually) -> None:
    eventually(lambda: any(words in path.log(name) for words in ("relaying", "standing by")))


@pytest.mark.parametrize(
    "place",
    [
        "relay.lease",
        "relay.read:2",
        "relay.publish:100",
        "relay.publish:700",
        "relay.confirm:3",
        "relay.save:2",
        "relay.saved:2",
    ],
)
def test_a_relay_killed_anywhere_loses_and_inverts_nothing(
    written: EventPath, eventually: Eventually, place: str
) -> None:
    victim = written.start("relay", BOTBERI_FAILPOINT=place)
    if place != "relay.lease":
        at_work(written, "relay", eventually)
    with history.writing():
        eventually(lambda: not victim.alive)
        written.start("relay-2")
    verdict = judged(written, eventually)
    assert victim.process.returncode == -signal.SIGKILL
    assert (verdict.lost, verdict.phantom, verdict.inverted) == (0, 0, 0)
    assert verdict.committed > 900
    assert verdict.duplicates <= IN_FLIGHT


def test_a_relay_killed_while_it_parks_parks_once(written: EventPath, eventually: Eventually) -> None:
    victim = written.start("relay", BOTBERI_FAILPOINT="relay.park")
    written.query("select emit_event('com.botberi.thing.unheard_of.v1', 'agt_1', '{}')")
    eventually(lambda: not victim.alive)
    written.start("relay-2")
    eventually(lambda: history.drained(written))
    assert written.parked() == ["type_unknown"]
    written.resolve_parked("discarded")


def test_a_standby_takes_over_when_the_active_one_is_killed(written: EventPath, eventually: Eventually) -> None:
    written.start("relay")
    at_work(written, "relay", eventually)
    written.start("relay-2")
    at_work(written, "relay-2", eventually)
    with history.writing():
        written.kill("relay")
    verdict = judged(written, eventually)
    assert (verdict.lost, verdict.phantom, verdict.inverted) == (0, 0, 0)


def test_a_frozen_relay_publishes_nothing_after_another_took_over(written: EventPath, eventually: Eventually) -> None:
    frozen = written.start("relay")
    eventually(
        lambda: written.query(
            "select holder from relay_cursor where holder like '%/' || :pid", pid=str(frozen.process.pid)
        )
    )
    frozen.process.send_signal(signal.SIGSTOP)
    written.start("relay-2")
    with history.writing(each=50):
        pass
    verdict = judged(written, eventually)
    frozen.process.send_signal(signal.SIGCONT)
    eventually(lambda: "trying again" in written.log("relay"))
    assert (verdict.lost, verdict.phantom, verdict.inverted, verdict.duplicates) == (0, 0, 0, 0)
    assert history.delivered(written, HISTORY.queue) == []


def test_stopping_one_after_another_repeats_nothing(written: EventPath, eventually: Eventually) -> None:
    written.start("relay-1")
    with history.writing(each=600):
        for number in range(1, 4):
            at_work(written, f"relay-{number}", eventually)
            written.start(f"relay-{number + 1}")
            at_work(written, f"relay-{number + 1}", eventually)
            assert written.kill(f"relay-{number}", signal.SIGTERM) == 0
    verdict = judged(written, eventually)
    assert (verdict.lost, verdict.phantom, verdict.inverted, verdict.duplicates) == (0, 0, 0, 0)
