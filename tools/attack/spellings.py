"""Other spellings of an address: what a router, a proxy or a framework on the way may take for the plain one."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

_UP: Final = ("..", "%2e%2e", "%2E%2e", ".%2e", "..;", "..%00", "%252e%252e")
"""The folder above, as somebody on the way may read it."""

_SLASHES: Final = ("%2f", "%2F", "%5c", "\\", "//", "/./", "/%2e/", ";/", "%252f")


def spellings(path: str, by: str) -> Iterator[str]:
    """Yield request targets that aren't `path`, and might pass for it: its own, and detours by the address `by`.

    None of them is `path` itself, and none differs from it by its query alone.
    """
    yield from _in_place(path)
    depth = by.count("/")
    for up in _UP:
        # Whoever resolves the dots sees `path`, and whoever doesn't `by`, or a prefix of it.
        yield f"{by}{f'/{up}' * depth}{path}"
        # The other way round: what is resolved is `by`.
        yield f"{path}{f'/{up}' * path.count('/')}{by}"
    for slash in _SLASHES:
        yield path[0] + path[1:].replace("/", slash) if "/" in path[1:] else path + slash
        yield f"{by}{slash}{f'..{slash}' * depth}{path[1:]}"


def _in_place(path: str) -> Iterator[str]:
    yield from (f"/{path}", f"/.{path}", f"//.{path}", f"/%2e{path}", f"\\{path}", f"/%2f{path[1:]}", f"/;{path}")
    yield from (
        f"{path}{end}" for end in ("/", "/.", "//", "%2f", "%20", "%00", "%0a", "%09", ";", ";a=b", "%3f", "%23")
    )
    yield "".join(f"%{ord(letter):02x}" if letter.isalpha() else letter for letter in path)
    yield (
        path[:-1] + quote(path[-1], safe="")
        if quote(path[-1], safe="") != path[-1]
        else f"{path[:-1]}%{ord(path[-1]):02X}"
    )
    yield path.upper()
    yield from (f"http://localhost/{path}", f"http://localhost/.{path}", f"http://localhost{path}/")
    yield f"{path}#"
