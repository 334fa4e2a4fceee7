"""What a child runs."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """A version, unpacked on disk. Children read it and can't change it."""

    digest: str
    folder: Path
    """Has `main.py`."""
    packages: Path | None = None
    """Where its requirements are installed, if it has any."""
