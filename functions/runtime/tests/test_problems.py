import pytest

from functions.runtime.problems import STATUSES, problem

RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""What Python calls otherwise before 3.13, or after."""


@pytest.mark.parametrize("status", sorted(set(STATUSES.values())))
def test_titles_are_those_of_the_rfc_whatever_the_python(status: int) -> None:
    title = problem(status, "some_code", "A sentence.")["title"]
    assert title == RENAMED.get(status, title)
    assert title
