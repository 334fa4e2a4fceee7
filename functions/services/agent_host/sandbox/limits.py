"""What a child may use, and what it may connect to."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Limits:
    """The limits of one instance: of all its processes together, unless it says otherwise."""

    memory_bytes: int = 256 * 1024 * 1024
    """Of proportional set size: a page that n processes share counts 1/n for each. Looked at four times a second."""
    cpu_seconds: int = 600
    """Of processor time, for each process from its start to its end."""
    processes: int = 64
    """Processes and threads. One more is refused with EAGAIN."""
    open_files: int = 256
    """For each process."""
    file_bytes: int = 64 * 1024 * 1024
    """The length of any one file."""
    disk_bytes: int = 128 * 1024 * 1024
    """Of what lies in its folder, and of deleted files that it holds open. Looked at every other second."""
    log_bytes_per_second: int = 64 * 1024
    """What it prints beyond that is dropped, and the log says how much."""


class Egress(StrEnum):
    """Where children may connect to."""

    NONE = "none"
    PUBLIC = "public"
    """Addresses of the public internet that aren't this machine's own, and the machine's name servers by TCP."""
    ALL = "all"
