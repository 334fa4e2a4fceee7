"""The plan of the faults can be repeated, and leaves nobody out."""

from tools.chaos.instances.plan import LAST, WEIGHTS
from tools.chaos.kills.plan import planned


def test_a_seed_draws_the_same_plan_again() -> None:
    assert planned(7, 40, 1000, WEIGHTS, LAST) == planned(7, 40, 1000, WEIGHTS, LAST)
    assert planned(7, 40, 1000, WEIGHTS, LAST) != planned(8, 40, 1000, WEIGHTS, LAST)


def test_everybody_is_killed_and_those_with_most_to_do_at_last() -> None:
    plan = planned(7, 40, 1000, WEIGHTS, LAST)
    assert {name for fault in plan for name in fault.victims} == set(WEIGHTS)
    assert plan[-1].victims == LAST


def test_faults_are_spread_over_the_requests() -> None:
    requests = sum(fault.after for fault in planned(7, 100, 1000, WEIGHTS, LAST))
    assert 800 < requests < 1200
