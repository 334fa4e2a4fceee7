"""Signed links as endpoints are asked by them."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import Query


class LinkQuery(Query):
    """What a link has behind its question mark."""

    expires: Annotated[int, Field(ge=0, le=1 << 40, examples=[1764547200], description="Seconds since 1970.")]
    signature: Annotated[str, Field(max_length=64, examples=["0PmDHBpS1-nJLHtFyEz5V4ZPM2vVdd1nV0ONlh2Nw7o"])]
