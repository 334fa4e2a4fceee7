import random

import pytest

from tools.bench.ranks import mann_whitney


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        # As SciPy's documentation has it, with method="asymptotic".
        ([19, 22, 16, 29, 24], [20, 11, 17, 12], 0.11134688653314041),
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([1, 1, 1], [1, 1, 1], 1.0),
        # By hand: U is 1 where 4.5 is the mean, three values are equal and two others, so the deviation is √4.5.
        ([1, 2, 2], [2, 3, 3], 0.1573),
    ],
)
def test_the_probability_is_that_of_the_textbook(one: list[float], other: list[float], p: float) -> None:
    assert mann_whitney(one, other) == pytest.approx(p, abs=0.0001)
    assert mann_whitney(one, other) == pytest.approx(mann_whitney(other, one))


def test_a_tenth_of_a_deviation_is_found_among_ten_thousand_and_nothing_where_there_is_nothing() -> None:
    dice = random.Random(1)
    one, same, later = ([dice.gauss(mean, 1) for _ in range(10_000)] for mean in (0, 0, 0.1))
    assert mann_whitney(one, same) > 0.01
    assert mann_whitney(one, later) < 0.0001
