"""Identifiers."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from core.ids import new_id


def test_ids_are_uuids_that_sort_as_they_were_made() -> None:
    made = [new_id("evt") for _ in range(1000)]
    assert made == sorted(set(made))
    assert {(UUID(each.removeprefix("evt_")).version, UUID(each.removeprefix("evt_")).variant) for each in made} == {
        (7, "specified in RFC 4122")
    }


def test_no_id_is_given_out_again() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [each for some in pool.map(lambda _: [new_id("usr") for _ in range(5000)], range(4)) for each in some]
    assert len(set(made)) == len(made)
    # Whatever the time is, this much of each is chance.
    assert len({each[-15:] for each in made}) == len(made)
