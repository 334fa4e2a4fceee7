"""Files as answers, sent piece by piece."""

from collections.abc import Generator, Iterator

from typing_extensions import override

from functions.runtime.declarations import Later
from functions.runtime.http.resting import Rest


class Download(Later):
    """A file of which the first piece is there before the answer begins, so that what is wrong with it is told."""

    def __init__(self, pieces: Iterator[bytes], content_type: str, name: str) -> None:
        """`name` is how it is called where it is kept; it has letters, digits, dots and underscores alone."""
        self._first = next(pieces, b"")
        self._pieces = pieces
        self.content_type = content_type
        self.headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}

    @override
    def parts(self, rest: Rest) -> Generator[bytes, None, None]:
        """Yield the file piece by piece."""
        yield self._first
        yield from self._pieces
