"""The boundary that a process puts around itself and its descendants, for good.

Landlock keeps files, seccomp system calls, and each what the other leaves open. Nothing of it needs a privilege, so
it is the same on a laptop, as root or not, and in a container that has none.
"""

import ctypes
import os
import resource
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from . import landlock, seccomp
from .exits import BoundaryNotHeld
from .limits import Limits

_SYSTEM: Final = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/bin", "/bin"),
    *("/usr/share/zoneinfo", "/usr/share/ca-certificates", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls"),
    *(
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/etc/resolv.conf",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/mime.types",
    ),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
)
_DEVICES: Final = ("/dev/null", "/dev/full")

KILL: Final = 9
"""The one signal that a process may ask to get at its parent's end."""

_PR_SET_PDEATHSIG: Final = 1
_PR_CAPBSET_DROP: Final = 24
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITIES_VERSION: Final = 0x20080522

_ADDRESS_SPACE: Final = 4 * 1024**3
"""Room for what is only reserved: forty threads reserve 1.3 GB. What is used is limited elsewhere."""

_DATA: Final = 1024**3
"""Room for private memory beside what may be used, for who is quicker than whoever looks at it."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int = 0) -> None:
    """Change something about this process, or raise OSError."""
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(signal: int) -> None:
    """Get `signal` when the parent ends."""
    prctl(_PR_SET_PDEATHSIG, signal)


@dataclass(frozen=True)
class Boundary:
    """What a process needs to put the boundary around itself, made once."""

    landlock_abi: int
    names: seccomp.Filter
    arguments: seccomp.Filter
    forking: seccomp.Filter
    """Instead of `arguments`, for a process that forks others, which get `arguments` then."""
    python: tuple[Path, ...]
    """Where Python and its packages are."""

    @classmethod
    def prepare(cls, *, changes_modes: bool = False) -> Self:
        """Make it. Raises BoundaryNotHeld where the kernel or libseccomp lacks what it takes.

        With `changes_modes` it may change the permissions of files, as who installs programs has to.
        """
        abi = landlock.abi()
        if abi < 1:
            raise BoundaryNotHeld("the kernel has no Landlock")
        try:
            return cls(
                abi,
                seccomp.names_filter(changes_modes=changes_modes),
                seccomp.arguments_filter(abi, forks_children=False),
                seccomp.arguments_filter(abi, forks_children=True),
                tuple(_python()),
            )
        except seccomp.LibraryMissing as error:
            raise BoundaryNotHeld(str(error)) from None

    def enter(self, own: Path, readable: tuple[Path, ...], *, forks_children: bool = False) -> int:
        """Put it around this process, and return the open file that tells of its connects and forks.

        `own` is its folder, `readable` what it may read besides Python and its libraries. Each connect and each fork
        waits until somebody decides about it.
        """
        _drop_privileges()
        self._restrict_files(own, readable)
        listener = self.names.load_with_listener()
        (self.forking if forks_children else self.arguments).load()
        return listener

    def enter_second(self, own: Path, readable: tuple[Path, ...]) -> None:
        """Narrow it, in a process that was forked by one that forks children, to a folder of its own."""
        self._restrict_files(own, readable)
        self.arguments.load()

    def _restrict_files(self, own: Path, readable: tuple[Path, ...]) -> None:
        rules = landlock.Ruleset(self.landlock_abi)
        rules.allow((*self.python, *map(Path, _SYSTEM), *readable), landlock.READ)
        rules.allow(map(Path, _DEVICES), landlock.Access.READ_FILE | landlock.Access.WRITE_FILE)
        rules.allow([own], landlock.READ_WRITE)
        rules.enter()


def _python() -> set[Path]:
    """Return where Python and its packages are, wherever that is."""
    found = {Path(sys.executable), *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))}
    found |= {Path(prefix) for prefix in (sys.prefix, sys.base_prefix) if prefix != "/usr"}
    return found | {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}


def _drop_privileges() -> None:
    if os.geteuid() == 0:
        with suppress(PermissionError):
            os.setgroups([])
    for capability in range(64):
        # Where it isn't root's to drop there is none, and what doesn't exist is refused.
        with suppress(OSError):
            prctl(_PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc.capset(ctypes.byref(header), ctypes.byref(nothing)) < 0:
        raise BoundaryNotHeld("capabilities can't be given up")
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def limit_resources(limits: Limits, mark: int) -> None:
    """Set what the kernel limits for each process, and mark this one's descendants by a number.

    The mark can only go down. `limits` that are beyond what this process has itself are left as they are.
    """
    for name, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_AS, limits.memory_bytes + _ADDRESS_SPACE),
        (resource.RLIMIT_DATA, limits.memory_bytes * 2 + _DATA),
        (resource.RLIMIT_MEMLOCK, 64 * 1024),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 1024),
        (seccomp.MARK_RESOURCE, mark),
    ):
        _, hardest = resource.getrlimit(name)
        hard = value if hardest == resource.RLIM_INFINITY else min(value, hardest)
        resource.setrlimit(name, (hard, hard))
    # First SIGXCPU, which can be told from other ends, and SIGKILL for who ignores it.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 2))


def be_first_to_go() -> None:
    """Have the kernel end this process before others when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
