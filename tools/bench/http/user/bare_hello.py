"""What functions-framework serves at the least."""

from typing import Any


def bare_hello(_request: Any) -> str:  # noqa: ANN401 - flask's request, which this needs no import of
    """Answer."""
    return "hello"
