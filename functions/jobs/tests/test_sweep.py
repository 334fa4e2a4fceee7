"""The sweep, beside others and with nothing to send to."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.jobs import queue, sweep
from functions.jobs.queue import JobQueueUnavailable
from testing.launches import Launched

Launch = Callable[..., Launched]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was handed to the workers, of whom there are none."""
    jobs: list[str] = []
    monkeypatch.setattr(queue, "converge", jobs.append)
    return jobs


def test_everything_that_is_due_is_offered_once_however_many_sweeps_there_are(
    launch: Launch, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    instances = [launch() for _ in range(5)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: sweep.sweep(), range(3)))
    assert [sent.count(instance.id) for instance in instances] == [1] * 5


def test_what_could_not_be_sent_is_offered_again(
    launch: Launch, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = launch()

    def away(_: str) -> None:
        raise JobQueueUnavailable

    with monkeypatch.context() as redis:
        redis.setattr(queue, "converge", away)
        with pytest.raises(JobQueueUnavailable):
            sweep.sweep()
    instance.put(queued_at="now() - interval '21 seconds'")
    sweep.sweep()
    assert instance.id in sent


def test_a_sweep_that_fails_is_followed_by_another(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    leaving, fails = threading.Event(), iter([JobQueueUnavailable(), ValueError("a bug")])

    def swept() -> int:
        for error in fails:
            raise error
        leaving.set()
        return 0

    monkeypatch.setenv("INSTANCE_SWEEP_SECONDS", "0.01")
    monkeypatch.setattr(sweep, "sweep", swept)
    sweep.run(leaving)
    assert leaving.is_set()
    assert sent == []
