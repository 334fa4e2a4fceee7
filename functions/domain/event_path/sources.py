"""Sources of events: one spelling of each, and whose it is.

Consumers compare sources byte by byte, and people read them. So a source is taken in the one form that RFC 3986
(section 6.2.2) calls normal: nobody's source can be another's that is only written otherwise.
"""

import re
from collections.abc import Iterable
from typing import Final

_PARTS: Final = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
"""RFC 3986, appendix B: scheme, authority, path; query and fragment with their marks. Fits any text."""

_REFERENCE: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")

_OURS: Final = frozenset({"botberi", "accounts", "notify"})
"""The beginnings of our own sources: those of the databases, of accounts, and of bare NOTIFYs."""


def normal(source: str) -> str | None:
    """Return the normal form of a URI reference, or None for what is none."""
    if not _REFERENCE.fullmatch(source):
        return None
    scheme, authority, path, query, fragment = map(_decoded, _parts(source))
    head = f"{scheme.lower()}:" if scheme else ""
    head += f"//{authority.lower()}" if authority else ""
    return head + _walked(path) + query + fragment


def _parts(source: str) -> list[str]:
    match = _PARTS.fullmatch(source)
    return [part or "" for part in match.groups()] if match else ["", "", source, "", ""]


def _decoded(part: str) -> str:
    """Decode the escapes that need not be, and write the others in upper case."""

    def write(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        needless = character.isascii() and (character.isalnum() or character in "-._~")
        return character if needless else match[0].upper()

    return _ESCAPE.sub(write, part)


def _walked(path: str) -> str:
    """Return a path without `.`, `..` and empty segments."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    walked = "/".join(segments)
    return f"{'/' if path.startswith('/') else ''}{walked}{'/' if walked and path.endswith('/') else ''}"


def is_reserved(source: str) -> bool:
    """Return whether a source is ours, or looks as if it were; of any spelling."""
    scheme, authority, path, *_ = _parts((normal(source) or source).casefold().replace("\\", "/"))
    first = scheme or authority or next(filter(None, path.split("/")), "")
    return re.split(r"[^a-z0-9_-]", first)[0] in _OURS


def is_within(source: str, granted: Iterable[str]) -> bool:
    """Return whether a source is among those granted, or below one: `/example/crm` covers `/example/crm/eu`."""
    return any(source == each or source.startswith(f"{each.rstrip('/')}/") for each in granted)
