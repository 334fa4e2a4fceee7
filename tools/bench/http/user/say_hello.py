"""GET /hello: the least that a function of this project can do."""

from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply


class Hello(Reply):
    """A word."""

    hello: str


@endpoint("GET", "/hello")
def say_hello() -> Hello:
    """Answer without a database."""
    return Hello(hello="hello")
