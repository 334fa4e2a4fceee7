"""Pauses that differ from each other, so that many who wait for the same thing don't all come back at once."""

import random


def jittered(seconds: float, least: float = 0.5, most: float = 1.0) -> float:
    """Return `seconds` times a factor that is drawn between `least` and `most`."""
    return seconds * random.uniform(least, most)  # noqa: S311 - nothing secret about it
