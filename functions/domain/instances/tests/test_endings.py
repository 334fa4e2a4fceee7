"""What owners are told of how an agent ended."""

import pytest

from functions.domain.instances.endings import MAX_CHARACTERS, Cause, Ending


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (Ending(cause=Cause.EXITED, code=3), "it ended with the exit code 3"),
        (Ending(cause=Cause.SIGNAL, signal=9), "it was ended by SIGKILL"),
        (Ending(cause=Cause.SIGNAL, signal=200), "it was ended by the signal 200"),
        (Ending(cause=Cause.OUT_OF_MEMORY), "it took more memory than its limit allows"),
        (
            Ending(cause=Cause.EXCEPTION, last_lines=("x" * MAX_CHARACTERS, "  here", "KeyError: 1")),
            "it raised an exception:\n  here\nKeyError: 1",
        ),
        (
            Ending(cause=Cause.EXCEPTION, last_lines=("here", "x" * MAX_CHARACTERS + "y")),
            f"it raised an exception:\n{'x' * (MAX_CHARACTERS - 1)}y",
        ),
    ],
)
def test_an_end_is_told_with_as_many_whole_lines_as_there_is_room_for(ending: Ending, sentence: str) -> None:
    assert ending.sentence() == sentence
