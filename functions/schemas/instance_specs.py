"""What people say of an instance when they create or change it: the shapes that several endpoints take."""

from typing import Annotated

from pydantic import Field

from functions.domain.instances import labels
from functions.schemas.base import LINE, Body

InstanceName = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE, examples=["My echo"])]

LabelKey = Annotated[str, Field(pattern=labels.KEY)]
LabelValue = Annotated[str, Field(pattern=labels.VALUE)]

_KIB = 1 << 10
_MIB = 1 << 20
_GIB = 1 << 30


class Limits(Body):
    """Limits of its own. It never has more than the installation allows, which holds where one is null or left out."""

    memory_bytes: Annotated[
        int | None, Field(ge=32 * _MIB, le=8 * _GIB, description="Of all its processes.", examples=[128 * _MIB])
    ] = None
    cpu_seconds: Annotated[int | None, Field(ge=1, le=3600, description="Of a process, while it is awake.")] = None
    processes: Annotated[int | None, Field(ge=1, le=256)] = None
    open_files: Annotated[int | None, Field(ge=16, le=4096, description="Of a process.")] = None
    file_bytes: Annotated[int | None, Field(ge=_KIB, le=8 * _GIB, description="Of one file.")] = None
    disk_bytes: Annotated[int | None, Field(ge=_KIB, le=8 * _GIB, description="Of all its files.")] = None
    log_bytes_per_second: Annotated[int | None, Field(ge=_KIB, le=_MIB)] = None
