"""Replies that are waited for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.runtime.tests.planting import Client, Plant, Response, Rests
from functions.runtime.waiting import Waiting
from functions.schemas.base import Reply

WAIT = """
    from functions.runtime.waiting import Waiting

    class Number(Reply):
        number: int

    class Ready(Reply):
        http_status: ClassVar[int | None] = 200
        number: int

    class Asked(Query):
        looks: int
        seconds: float = 5

    @endpoint("GET", "/number", status=202, errors=(Conflict,))
    def read_number(asked: Asked) -> Number | Ready | Waiting:
        looks = []

        def look(*, late: bool) -> Reply | None:
            looks.append(late)
            if asked.looks < 0:
                raise Conflict
            if asked.looks == 0:
                raise RuntimeError("secret")
            if len(looks) == asked.looks:
                return Ready(number=len(looks))
            return Number(number=0) if late else None

        return Waiting(look, seconds=asked.seconds, pace=lambda waited: 0.01)
"""


@pytest.fixture
def number(plant: Plant) -> Callable[..., Response]:
    client: Client = plant(read_number=WAIT)
    return lambda query: client.get(f"/number?{query}")


def test_a_reply_is_answered_when_it_has_come(number: Callable[..., Response]) -> None:
    answer = number("looks=3")
    assert (answer.status_code, answer.json) == (200, {"number": 3})
    assert answer.headers["X-Request-Id"]


def test_what_takes_too_long_is_answered_otherwise(number: Callable[..., Response]) -> None:
    answer = number("looks=1000000&seconds=0.05")
    assert (answer.status_code, answer.json) == (202, {"number": 0})


@pytest.mark.parametrize(("looks", "answered"), [(-1, (409, "conflict")), (0, (500, "internal"))])
def test_what_goes_wrong_meanwhile_is_a_problem(
    number: Callable[..., Response], looks: int, answered: tuple[int, str]
) -> None:
    answer = number(f"looks={looks}")
    assert (answer.status_code, answer.json["code"]) == answered
    assert "secret" not in answer.text


def test_whoever_leaves_is_known_to_have_left() -> None:
    left: list[bool] = []

    def look(**_: Any) -> Reply | None:
        return None

    parts: Iterator[bytes] = Waiting(look, seconds=5, pace=lambda _: 0, on_leave=lambda: left.append(True)).parts(
        Rests()
    )
    assert next(parts) == b""
    del parts
    assert left == [True]
