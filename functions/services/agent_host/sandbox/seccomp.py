"""Filters for system calls, made by libseccomp, which knows the architectures, and loaded as plain programs.

A filter is made once, in the process that children are forked from. Loading it costs one system call.
"""

import ctypes
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from errno import EACCES, ENOSYS, EOPNOTSUPP, EPERM
from functools import cache
from typing import Final

from . import syscalls
from .landlock import SCOPES_ABI, TRUNCATE_ABI, system_call

LIBRARY: Final = "libseccomp.so.2"

MARK_RESOURCE: Final = 10
"""RLIMIT_LOCKS, which means nothing to the kernel any more: its hard limit marks the processes of one child."""

_ALLOW: Final = 0x7FFF0000
_NOTIFY: Final = 0x7FC00000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000

_BAD_ARCHITECTURE: Final = 2
_OPTIMIZE: Final = 8
_BINARY_TREE: Final = 2

_SET_MODE_FILTER: Final = 1
_NEW_LISTENER: Final = 8

_NE: Final = 1
_LT: Final = 2
_EQ: Final = 4
_GT: Final = 6
_MASKED_EQ: Final = 7
_INT: Final = 0xFFFFFFFF

_NAMESPACES: Final = 0x7E020080
"""CLONE_NEW*; of clone's the one for time is part of the signal's number, which is no namespace there."""
_NAMESPACE_FLAGS: Final = _NAMESPACES & ~0xFF

_F_SETOWN: Final = (8, 15)
"""F_SETOWN and F_SETOWN_EX: they have the kernel send signals to a process of one's choice."""
_OWNER_IOCTLS: Final = (0x8901, 0x8902, 0x5412, 0x541C)
"""FIOSETOWN and SIOCSPGRP, which do the same, TIOCSTI and TIOCLINUX, which type into a terminal."""
_FREE_PRCTLS: Final = (
    *(2, 3, 7, 15, 16, 21, 23, 27, 29, 30, 37, 38, 39, 40, 41, 42),
    0x53564D41,
)
"""Reads of the process' own state, its name, and PR_SET_NO_NEW_PRIVS. Not PR_SET_DUMPABLE: its memory is looked at."""
_PR_SET_PDEATHSIG: Final = 1
_SIGKILL: Final = 9
_MSG_FASTOPEN: Final = 0x20000000
_SOCK_TYPE: Final = 0xF
_O_ACCMODE_TRUNC: Final = os.O_ACCMODE | os.O_TRUNC


class LibraryMissing(Exception):
    """There is no libseccomp."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


Condition = tuple[int, int, int] | tuple[int, int, int, int]
"""The number of an argument, how it is compared, and with what; of _MASKED_EQ, the mask and the value."""


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY, use_errno=True)
    except OSError as error:
        raise LibraryMissing(f"{LIBRARY} can't be loaded: {error}") from None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.seccomp_rule_add_array.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison))
    ]
    return library


def number(name: str) -> int:
    """Return the number of a system call on this machine; less than 0 for one that it doesn't have."""
    return int(_library().seccomp_syscall_resolve_name(name.encode()))


@dataclass(frozen=True)
class Filter:
    """A program that decides about system calls."""

    program: bytes

    def load(self) -> None:
        """Hold this thread and its descendants to it, for good. It must have given up new privileges before."""
        self._load(0)

    def load_with_listener(self) -> int:
        """Load it, and return the open file that tells of the calls that are to be decided elsewhere."""
        return self._load(_NEW_LISTENER)

    def _load(self, flags: int) -> int:
        buffer = ctypes.create_string_buffer(self.program, len(self.program))
        program = _Program(len(self.program) // 8, ctypes.addressof(buffer))
        return system_call(number("seccomp"), _SET_MODE_FILTER, flags, ctypes.addressof(program))


class _Rules:
    def __init__(self, default: int) -> None:
        self._library = _library()
        self._context = self._library.seccomp_init(default)
        self._check(self._library.seccomp_attr_set(self._context, _BAD_ARCHITECTURE, _KILL))
        self._library.seccomp_attr_set(self._context, _OPTIMIZE, _BINARY_TREE)

    @staticmethod
    def _check(result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def add(self, action: int, names: Iterable[str], *conditions: Condition) -> None:
        """Add a rule for each call that the machine has; all conditions have to hold."""
        compared = (_Comparison * len(conditions))(*(_Comparison(*each) for each in conditions))
        for name in names:
            found = number(name)
            if found >= 0:
                self._check(
                    self._library.seccomp_rule_add_array(self._context, action, found, len(conditions), compared)
                )

    def filter(self) -> Filter:
        """Return the program."""
        with os.fdopen(os.memfd_create("filter"), "r+b") as file:
            self._check(self._library.seccomp_export_bpf(self._context, file.fileno()))
            self._library.seccomp_release(self._context)
            file.seek(0)
            return Filter(file.read())


def names_filter(*, changes_modes: bool = False) -> Filter:
    """Return the filter that knows the calls that are allowed at all, and has connects and forks decided elsewhere.

    With `changes_modes` the permissions of files can be changed, where others are told so and nothing is done.
    """
    rules = _Rules(_ERRNO | ENOSYS)
    rules.add(_ALLOW, syscalls.ALLOWED)
    # What a forking server of the platform's needs; `arguments_filter` takes it from whoever shall not have it.
    rules.add(_ALLOW, ("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"))
    rules.add(_ALLOW if changes_modes else _ERRNO, syscalls.CHANGING_MODES)
    rules.add(_ERRNO, syscalls.PRETENDED)
    # To set a time to now is how files are made that aren't there: whoever can't goes on to open it.
    rules.add(_ERRNO | EPERM, ("utimensat",), (2, _EQ, 0))
    rules.add(_ERRNO, ("utimensat",), (2, _NE, 0))
    rules.add(_ERRNO | EPERM, syscalls.DENIED)
    rules.add(_ERRNO | EOPNOTSUPP, syscalls.UNSUPPORTED)
    rules.add(_NOTIFY, ("connect", *syscalls.FORKS))
    rules.add(_NOTIFY, ("clone",), (0, _MASKED_EQ, _NAMESPACE_FLAGS, 0))
    rules.add(_ALLOW, ("socketpair",), (0, _EQ, socket.AF_UNIX), (1, _MASKED_EQ, _SOCK_TYPE, socket.SOCK_STREAM))
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in (0, socket.IPPROTO_TCP):
            stream = (1, _MASKED_EQ, _SOCK_TYPE, socket.SOCK_STREAM)
            rules.add(_ALLOW, ("socket",), (0, _EQ, family), stream, (2, _EQ, protocol))
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            rules.add(_ERRNO | EACCES, ("socket",), (0, _EQ, family), (1, _MASKED_EQ, _SOCK_TYPE, kind))
    for family in (socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK):
        rules.add(_ERRNO | EACCES, ("socket",), (0, _EQ, family))
    for option in _FREE_PRCTLS:
        rules.add(_ALLOW, ("prctl",), (0, _EQ, option))
    rules.add(_ALLOW, ("prctl",), (0, _EQ, _PR_SET_PDEATHSIG), (1, _EQ, _SIGKILL))
    return rules.filter()


def arguments_filter(landlock: int, *, forks_children: bool) -> Filter:
    """Return the filter that refuses calls by their arguments, and what Landlock of version `landlock` leaves open.

    With `forks_children` a process may still mark others and put filters on them.
    """
    rules = _Rules(_ALLOW)
    for flags, name in ((3, "sendto"), (2, "sendmsg"), (3, "sendmmsg")):
        # It connects, and neither Landlock nor the filter for connect() sees it.
        rules.add(_ERRNO | EACCES, (name,), (flags, _MASKED_EQ, _MSG_FASTOPEN, _MSG_FASTOPEN))
    rules.add(_ERRNO | EPERM, ("prlimit64", "sched_setaffinity"), (0, _NE, 0))
    rules.add(_ERRNO | EPERM, ("setpriority",), (0, _NE, 0))
    rules.add(_ERRNO | EPERM, ("setpriority",), (1, _NE, 0))
    for command in _F_SETOWN:
        rules.add(_ERRNO | EPERM, ("fcntl", "fcntl64"), (1, _MASKED_EQ, _INT, command))
    for command in _OWNER_IOCTLS:
        rules.add(_ERRNO | EPERM, ("ioctl",), (1, _MASKED_EQ, _INT, command))
    if not forks_children:
        names = ("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
        rules.add(_ERRNO | EPERM, names)
        rules.add(_ERRNO | EPERM, ("setrlimit",), (0, _MASKED_EQ, _INT, MARK_RESOURCE))
        rules.add(_ERRNO | EPERM, ("prlimit64",), (1, _MASKED_EQ, _INT, MARK_RESOURCE), (2, _NE, 0))
    if landlock < SCOPES_ABI:
        rules.add(_ERRNO | EPERM, syscalls.SIGNALS)
    if landlock < TRUNCATE_ABI:
        rules.add(_ERRNO | EPERM, ("truncate",))
        rules.add(_ERRNO | EPERM, ("open",), (1, _MASKED_EQ, _O_ACCMODE_TRUNC, os.O_TRUNC))
        rules.add(_ERRNO | EPERM, ("openat",), (2, _MASKED_EQ, _O_ACCMODE_TRUNC, os.O_TRUNC))
        rules.add(_ERRNO | EPERM, ("openat2",))
    return rules.filter()
