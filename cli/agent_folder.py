"""An agent's folder as its author keeps it: what would be published of it, checked before anything is sent or run."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, JsonValue, ValidationError

from functions.domain.catalog import bundles, config_schemas, interfaces
from functions.domain.catalog.agents import SLUG
from functions.domain.catalog.bundles import BundleInvalid
from functions.domain.catalog.config_schemas import ConfigSchemaInvalid
from functions.domain.catalog.interfaces import InterfaceInvalid
from functions.domain.catalog.versions import NUMBER
from functions.schemas.agents import Capabilities, Description, Name, Summary, Tags
from functions.schemas.base import Body

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ABOUT: Final = "agent.json"
SCHEMA: Final = "config_schema.json"

ANY_CONFIG: Final[dict[str, JsonValue]] = {"type": "object"}
"""The schema of an agent that says nothing of its config."""


class FolderInvalid(Exception):
    """Publication would refuse what is in the folder."""

    def __init__(self, *problems: str) -> None:
        """Each of `problems` says what is wrong, where, and what to do."""
        super().__init__("\n  ".join(problems))
        self.problems = problems


class About(Body):
    """agent.json: what the catalog says of an agent, and of the version that is published."""

    name: Name
    summary: Summary
    description: Description = ""
    tags: Annotated[Tags, Field(default_factory=list)]
    capabilities: Annotated[Capabilities, Field(default_factory=list)]
    version: Annotated[str, Field(pattern=NUMBER, max_length=64)]
    changelog: Annotated[str, Field(max_length=10_000)] = ""
    retries: Annotated[int, Field(ge=0, le=interfaces.MAX_RETRIES)] = 0
    interface: Annotated[dict[str, JsonValue], Field(default_factory=dict)]


@dataclass(frozen=True)
class Source:
    """What a version is made of."""

    bundle: bytes
    schema: dict[str, JsonValue]
    files: int
    """How many files are in the bundle."""


def about(folder: Path) -> About:
    """Return what agent.json says. Raises FolderInvalid."""
    file = folder / ABOUT
    if not file.exists():
        raise FolderInvalid(
            f"{file} is missing: write there what the catalog is to say, such as "
            '{"name": "Poet", "summary": "Answers in verse.", "version": "1.0.0"}.'
        )
    told = read_object(file)
    try:
        found = About.model_validate(told)
        interfaces.check(found.interface)
    except ValidationError as error:
        raise FolderInvalid(*(_said(file, each) for each in error.errors(include_url=False))) from None
    except InterfaceInvalid as error:
        raise FolderInvalid(*(f"{file}: {_place(each.pointer)}{each.message}" for each in error.errors)) from None
    return found


def check_slug(slug: str) -> None:
    """Raise FolderInvalid for what can't be an agent's name in addresses."""
    if not re.fullmatch(SLUG, slug):
        raise FolderInvalid(
            f"{slug!r}: An agent's name in addresses has 2 to 63 small letters, digits and hyphens, and begins with a "
            "letter: rename the folder, or give another by --slug."
        )


def source(folder: Path) -> Source:
    """Return what a version is made of, checked as publication does. Raises FolderInvalid."""
    problems: list[str] = []
    schema, packed = ANY_CONFIG, b""
    try:
        packed = bundles.bundle(folder)
    except BundleInvalid as error:
        problems.append(f"{folder}: {error.errors[0].message}")
    try:
        if (folder / SCHEMA).exists():
            schema = read_object(folder / SCHEMA)
        config_schemas.check(schema)
    except FolderInvalid as invalid:
        problems += invalid.problems
    except ConfigSchemaInvalid as error:
        wrong = error.errors[0]
        problems.append(f"{folder / SCHEMA}: {_place(wrong.pointer.removeprefix('/config_schema'))}{wrong.message}")
    if problems:
        raise FolderInvalid(*problems)
    return Source(packed, schema, sum(1 for _ in bundles.names(folder)))


def read_object(file: Path) -> dict[str, JsonValue]:
    """Return the JSON object in a file. Raises FolderInvalid."""
    try:
        said: JsonValue = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FolderInvalid(f"{file} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise FolderInvalid(f"{file} is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise FolderInvalid(f"{file} is not JSON: {error.msg} (line {error.lineno}).") from None
    if not isinstance(said, dict):
        raise FolderInvalid(f"{file} holds no JSON object, which begins with {{ and ends with }}.")
    return said


def _said(file: Path, error: "ErrorDetails") -> str:
    place = ".".join(map(str, error["loc"]))
    return f"{file}: {place}: {_VERSION if place == 'version' else _MESSAGES.get(error['type'], error['msg'])}"


def _place(pointer: str) -> str:
    return f"{pointer}: " if pointer else ""


_VERSION: Final = (
    "Say here which version this is, as major.minor.patch (https://semver.org): the number after the one that is "
    'published, such as "1.0.1".'
)

_MESSAGES: Final = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
}
