"""Work that is done while the faults of a plan happen."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Final

from tools.chaos.kills.plan import Fault
from tools.chaos.kills.platform import Platform

FAULTS_AT_ONCE: Final = 3
"""Faults whose victims are away at a time."""

Say = Callable[[str], None]


def suffer(
    platform: Platform, plan: Sequence[Fault], work: Sequence[Callable[[], None]], say: Say, *, at_once: int
) -> None:
    """Do the work, `at_once` of it at a time, while the plan's faults happen.

    When all of it is done, no more faults happen: without anybody who asks for something they tell nothing.
    """
    ended = Event()
    with ThreadPoolExecutor(at_once) as pool, ThreadPoolExecutor(1) as planning:
        suffering = planning.submit(_suffer, platform, plan, ended, say)
        try:
            for future in [pool.submit(each) for each in work]:
                future.result()
        except BaseException:
            # Such as Ctrl-C: nobody is to wait for what the others wait for.
            platform.noted.ended.set()
            raise
        finally:
            ended.set()
        suffering.result()


def _suffer(platform: Platform, plan: Sequence[Fault], ended: Event, say: Say) -> None:
    with ThreadPoolExecutor(FAULTS_AT_ONCE) as pool:
        suffering: list[Future[None]] = []
        for number, fault in enumerate(plan, 1):
            platform.noted.wait_served(platform.noted.served + fault.after, ended)
            if ended.wait(fault.delay):
                say(f"  {len(plan) - number + 1} faults of the plan didn't happen: all was over before")
                break
            again = "" if fault.again is None else ", twice"
            say(f"  {number} of {len(plan) + 1}: {' and '.join(fault.victims)}{again}")
            suffering.append(pool.submit(platform.suffer, fault))
        for each in suffering:
            each.result()
