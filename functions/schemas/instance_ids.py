"""What endpoints call an instance."""

from typing import Annotated

from pydantic import Field

from core.ids import pattern

InstanceId = Annotated[str, Field(pattern=pattern("ins"), examples=["ins_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]
