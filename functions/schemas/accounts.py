"""What endpoints call an account."""

from typing import Annotated

from pydantic import Field

from core.ids import pattern

AccountId = Annotated[str, Field(pattern=pattern("usr"), examples=["usr_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]
