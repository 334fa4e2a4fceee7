"""Once is once, however many threads come at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.once import once

THREADS = 8


def test_threads_that_come_at_once_get_the_same() -> None:
    made, together = [], threading.Barrier(THREADS)

    @once
    def make(name: str) -> object:
        made.append(name)
        threading.Event().wait(0.05)
        return object()

    def ask(_: int) -> object:
        together.wait()
        return make("it")

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(ask, range(THREADS)))) == 1
    assert made == ["it"]


def test_each_argument_has_its_own_until_it_is_forgotten() -> None:
    @once
    def make(name: str) -> list[str]:
        return [name]

    first = make("a")
    assert make("a") is first
    assert make("b") == ["b"]
    make.cache_clear()
    assert make("a") == first
    assert make("a") is not first


def test_what_could_not_be_made_is_tried_again() -> None:
    tries = []

    @once
    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return "made"

    with pytest.raises(OSError, match="not yet"):
        make()
    assert make() == "made"
