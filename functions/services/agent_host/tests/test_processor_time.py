"""Processor time is shared out among the calls that a process answers at a time."""

from functions.services.agent_host.processor_time import ProcessorTime


def test_calls_share_what_is_taken_while_both_are_answered() -> None:
    taken = 1.0
    time = ProcessorTime(lambda: taken)
    with time.call() as first:
        taken = 2.0
        with time.call() as second:
            taken = 6.0
        taken = 6.5
    with time.call() as third:
        pass
    assert [each.milliseconds for each in (first, second, third)] == [3500, 2000, 0]


def test_what_is_not_known_is_not_told() -> None:
    readings = iter([1.0, None, 5.0, 6.0])
    time = ProcessorTime(lambda: next(readings))
    with time.call() as lost:
        pass
    with time.call() as known:
        pass
    assert (lost.milliseconds, known.milliseconds) == (None, 1000)
