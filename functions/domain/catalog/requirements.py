"""requirements.txt of a bundle: packages that it needs, each at one version and with the hashes of its files.

Nothing else is taken: an option, an address or a folder could have the installer fetch or run what nobody checked.
"""

import re
from collections.abc import Iterator
from typing import Final

FILE: Final = "requirements.txt"

MAX_BYTES: Final = 64 * 1024
MAX_PACKAGES: Final = 100

REMEDY: Final = (
    "Have it written: `uv pip compile --universal --generate-hashes requirements.in -o requirements.txt`, where "
    "requirements.in names what you import."
)

_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")


class RequirementsInvalid(ValueError):
    """The file isn't of the form that is installed; the message says where, why and what to do."""


def check(content: bytes) -> None:
    """Raise RequirementsInvalid unless every line is a package at one version, with its hashes."""
    if len(content) > MAX_BYTES:
        raise RequirementsInvalid(f"{FILE} is larger than {MAX_BYTES} bytes.")
    try:
        lines = list(_logical_lines(content.decode()))
    except UnicodeDecodeError:
        raise RequirementsInvalid(f"{FILE} is not text in UTF-8.") from None
    if len(lines) > MAX_PACKAGES:
        raise RequirementsInvalid(f"{FILE} names more than {MAX_PACKAGES} packages.")
    for number, line in lines:
        if wrong := _wrong_with(line):
            raise RequirementsInvalid(f"{FILE}, line {number}: {wrong} {REMEDY}")


def names_any(content: bytes) -> bool:
    """Return whether a file that was checked names any package."""
    return any(True for _ in _logical_lines(content.decode()))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each requirement with the number of its first line: without comments, continuation lines joined."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or number
        said = _COMMENT.sub("", line).rstrip()
        goes_on = said.endswith("\\") and said == line.rstrip()
        parts.append(said.removesuffix("\\") if goes_on else said)
        if not goes_on:
            if whole := " ".join(parts).strip():
                yield begun, whole
            begun, parts = 0, []
    if whole := " ".join(parts).strip():
        yield begun, whole


def _wrong_with(line: str) -> str | None:
    """Return what is wrong with a requirement, as a sentence, or None."""
    from packaging.requirements import InvalidRequirement, Requirement

    named, *options = re.split(r"\s+(?=--)", line)
    if named.startswith("-"):
        return "an option, where only packages may stand."
    if not all(_HASH.fullmatch(option) for option in options):
        return "an option that is no `--hash=sha256:…`."
    try:
        requirement = Requirement(named)
    except InvalidRequirement:
        return "not a package with its version, such as `httpx==0.28.1`."
    if requirement.url is not None:
        return f"{requirement.name} comes from an address: packages come from the index alone."
    pinned = [each for each in requirement.specifier if each.operator == "==" and "*" not in each.version]
    if len(pinned) != 1 or len(requirement.specifier) != 1:
        return f"{requirement.name} is not held to one version by `==`."
    return None if options else f"{requirement.name} has no hash."
