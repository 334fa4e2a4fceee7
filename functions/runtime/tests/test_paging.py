import base64
import json
from typing import Any

import pytest

from functions.runtime.tests.planting import Client, Plant

LIST = """
    class Thing(Reply):
        id: str

    @endpoint("GET", "/things")
    def list_things(query: PageQuery) -> Page[Thing]:
        after = query.after()
        ids = [f"{number:03}" for number in range(25) if after is None or f"{number:03}" > after]
        return query.page([Thing(id=each) for each in ids[: query.limit + 1]], Thing)
"""

OTHERS = LIST.replace("things", "others")


@pytest.fixture
def things(plant: Plant) -> Client:
    return plant(list_things=LIST, list_others=OTHERS)


def pages(client: Client, limit: int) -> list[Any]:
    found = [client.get(f"/things?limit={limit}").json]
    while cursor := found[-1]["next_cursor"]:
        found.append(client.get(f"/things?limit={limit}&cursor={cursor}").json)
    return found


@pytest.mark.parametrize(("limit", "sizes"), [(10, [10, 10, 5]), (25, [25]), (5, [5] * 5), (100, [25])])
def test_the_pages_together_hold_everything_once(things: Client, limit: int, sizes: list[int]) -> None:
    found = pages(things, limit)
    assert [len(page["items"]) for page in found] == sizes
    assert [item["id"] for page in found for item in page["items"]] == [f"{number:03}" for number in range(25)]


def test_a_page_holds_twenty_unless_told(things: Client) -> None:
    assert len(things.get("/things").json["items"]) == 20


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1e1", "", "9" * 5000, "%2B5", "%205", "1_0", "5.0", "%D9%A5"])
def test_a_limit_out_of_bounds_is_a_422(things: Client, limit: str) -> None:
    answer = things.get(f"/things?limit={limit}")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "?limit")


def test_a_cursor_of_another_list_is_a_422(things: Client) -> None:
    cursor = things.get("/others?limit=5").json["next_cursor"]
    answer = things.get(f"/things?cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "bad_cursor")


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "!", "%20", "%C3%BC", "W" * 500),
        *map(encoded, (5, "a", "a\x00", ["a"], ["", "a"], ["", 5], [[], []], {"0": "", "1": "a"})),
    ],
)
def test_a_cursor_that_no_list_gave_is_a_422(things: Client, cursor: str) -> None:
    answer = things.get(f"/things?cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "bad_cursor")
