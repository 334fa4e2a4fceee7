"""Identifiers."""

from uuid import UUID

from core.ids import new_id


def test_ids_are_uuids_that_sort_as_they_were_made() -> None:
    made = [new_id("evt") for _ in range(1000)]
    assert made == sorted(set(made))
    assert {(UUID(each.removeprefix("evt_")).version, UUID(each.removeprefix("evt_")).variant) for each in made} == {
        (7, "specified in RFC 4122")
    }
