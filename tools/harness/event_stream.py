"""Server-Sent Events, read as they come."""

from collections.abc import Callable, Iterator


def frames(read: Callable[[int], bytes]) -> Iterator[dict[str, str]]:
    """Yield the fields of each event by their names, given what reads at most so many bytes; b"" is the end."""
    rest = b""
    while piece := read(65536):
        *whole, rest = (rest + piece).split(b"\n\n")
        for frame in whole:
            yield dict(line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line)
