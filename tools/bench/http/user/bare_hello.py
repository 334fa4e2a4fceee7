"""What functions-framework serves at the least."""


def bare_hello(_request: object) -> str:
    """Answer."""
    return "hello"
