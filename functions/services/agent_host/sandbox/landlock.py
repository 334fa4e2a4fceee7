"""Landlock by its system calls: which files a process and its descendants may use.

There is no library that is both old and kept. The numbers of these three system calls are the same everywhere.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446

_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

TCP_ABI: Final = 4
"""The first version that refuses TCP's bind and connect."""

SCOPES_ABI: Final = 6
"""The first version that keeps signals and abstract UNIX sockets inside."""

TRUNCATE_ABI: Final = 3


class Access(IntFlag):
    """What may be done with files."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ: Final = Access.READ_FILE | Access.READ_DIR | Access.EXECUTE
READ_WRITE: Final = (
    READ | Access.WRITE_FILE | Access.TRUNCATE | Access.REMOVE_DIR | Access.REMOVE_FILE | Access.REFER
) | (Access.MAKE_DIR | Access.MAKE_REG | Access.MAKE_FIFO | Access.MAKE_SYM)
_OF_FILES: Final = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
"""What a rule for a file that is no folder can allow."""

_KNOWN: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many of the accesses, by the version that knows them."""


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc: Final = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: int | None) -> int:
    """Return what a system call returns, or raise OSError."""
    result = _libc.syscall(ctypes.c_long(number), *(ctypes.c_void_p(each) for each in arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def abi() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    try:
        return system_call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


class Ruleset:
    """Rules for files. TCP, signals and abstract UNIX sockets are refused as far as the kernel's version can."""

    def __init__(self, version: int) -> None:
        """`version` is that of Landlock, 1 or more."""
        self._handled = Access((1 << _KNOWN[min(version, max(_KNOWN))]) - 1)
        attributes = _RulesetAttr(int(self._handled), 3 if version >= TCP_ABI else 0, 3 if version >= SCOPES_ABI else 0)
        size = 24 if version >= SCOPES_ABI else 16 if version >= TCP_ABI else 8
        self._descriptor = system_call(_CREATE_RULESET, ctypes.addressof(attributes), size, 0)

    def allow(self, paths: Iterable[Path], access: Access) -> None:
        """Allow `access` to files, and to everything in and below folders. What isn't there is left out."""
        for path in paths:
            try:
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except (FileNotFoundError, PermissionError):
                continue
            try:
                allowed = access & self._handled
                if not stat.S_ISDIR(os.fstat(opened).st_mode):
                    allowed &= _OF_FILES
                rule = _PathBeneathAttr(int(allowed), opened)
                system_call(_ADD_RULE, self._descriptor, _PATH_BENEATH, ctypes.addressof(rule), 0)
            finally:
                os.close(opened)

    def enter(self) -> None:
        """Hold this thread and its descendants to the rules, for good. It must have given up new privileges before."""
        try:
            system_call(_RESTRICT_SELF, self._descriptor, 0)
        finally:
            os.close(self._descriptor)
