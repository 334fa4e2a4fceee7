"""Connects of children, made by the platform in their place.

A child's connect() waits here. If its destination is allowed, a socket of the platform's own is connected and put in
the place of the child's: what the child has in its memory meanwhile, or what its names resolve to, is of no matter.
The child's own sockets stay shut off from every network.
"""

import os
import selectors
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from errno import EACCES, EAGAIN, EBADF, EFAULT, EINPROGRESS, EINTR, ETIMEDOUT
from time import monotonic
from typing import Final

from .destinations import Destinations
from .notifications import Call

SECONDS: Final = 30
"""How long a connect may take."""

AT_ONCE: Final = 32
"""Connects of one child that are under way."""

TO_DOORS: Final = 50
"""Connects of one child to the host itself in a second."""

_FAMILY: Final = struct.Struct("=H")
_PORT: Final = struct.Struct("!H")
_SOCKADDR_IN: Final = 16
_SOCKADDR_IN6: Final = 28
_SOCKADDR_STORAGE: Final = 128
"""What the kernel takes at most as an address, of whatever family."""


@dataclass(frozen=True)
class _Pending:
    call: Call
    mark: int
    connection: socket.socket
    deadline: float


class ConnectBroker:
    """Decides about connects, and makes them. It blocks nobody."""

    def __init__(self, destinations: Destinations, selector: selectors.BaseSelector) -> None:
        """Register what is pending at `selector`, with what is to be called as its data."""
        self._destinations = destinations
        self._selector = selector
        self._pending: dict[int, _Pending] = {}
        self._under_way: Counter[int] = Counter()
        self._second = 0
        self._to_doors: Counter[int] = Counter()
        """Of this second, by mark."""

    @property
    def deadline(self) -> float | None:
        """Return when `expire` has something to do, by the monotonic clock."""
        return min((each.deadline for each in self._pending.values()), default=None)

    def decide(self, call: Call, mark: int) -> None:
        """Answer a connect() of a child, at once or once the connection is there."""
        descriptor, address, length, *_ = call.arguments
        raw = call.read(address, min(length, _SOCKADDR_IN6)) if length <= _SOCKADDR_STORAGE else None
        flags = call.flags_of(descriptor & 0xFFFFFFFF)
        if raw is None or flags is None:
            call.fail(EFAULT if raw is None else EBADF)
            return
        destination = _destination(raw)
        if destination is None or not self._destinations.allow(*destination[1]):
            call.fail(EACCES)
        elif self._under_way[mark] >= AT_ONCE or self._is_too_often(mark, *destination[1]):
            call.fail(EAGAIN)
        else:
            self._connect(call, mark, destination, flags)

    def _is_too_often(self, mark: int, address: str, port: int) -> bool:
        """Return whether a child has connected to the host itself too often in this second."""
        if not self._destinations.is_door(address, port):
            return False
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._to_doors.clear()
        self._to_doors[mark] += 1
        return self._to_doors[mark] > TO_DOORS

    def _connect(self, call: Call, mark: int, destination: "_Destination", flags: int) -> None:
        family, address = destination
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        # What the child has set on its own socket is lost; most set this.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result = connection.connect_ex(address)
        if result not in {0, EINPROGRESS, EINTR}:
            connection.close()
            call.fail(result)
        elif result == 0 or flags & os.O_NONBLOCK:
            self._hand_over(call, connection, flags, result)
        else:
            key = connection.fileno()
            self._pending[key] = _Pending(call, mark, connection, monotonic() + SECONDS)
            self._under_way[mark] += 1
            self._selector.register(connection, selectors.EVENT_WRITE, lambda: self._finish(key, flags))

    def _finish(self, key: int, flags: int) -> None:
        pending = self._forget(key)
        error = pending.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            pending.connection.close()
            pending.call.fail(error)
        else:
            self._hand_over(pending.call, pending.connection, flags, 0)

    def _hand_over(self, call: Call, connection: socket.socket, flags: int, result: int) -> None:
        with connection:
            connection.setblocking(not flags & os.O_NONBLOCK)
            if call.replace(call.arguments[0] & 0xFFFFFFFF, connection.fileno(), flags & os.O_CLOEXEC):
                call.fail(result) if result else call.succeed()

    def expire(self) -> None:
        """Give up connects that take too long, and those whose caller is gone."""
        now = monotonic()
        for key, pending in list(self._pending.items()):
            if now > pending.deadline or not pending.call.waits:
                self._forget(key)
                pending.connection.close()
                pending.call.fail(ETIMEDOUT)

    def _forget(self, key: int) -> _Pending:
        pending = self._pending.pop(key)
        self._selector.unregister(pending.connection)
        self._under_way[pending.mark] -= 1
        if not self._under_way[pending.mark]:
            del self._under_way[pending.mark]
        return pending


_Destination = tuple[socket.AddressFamily, tuple[str, int]]


def _destination(raw: bytes) -> _Destination | None:
    """Return what a sockaddr says: nothing but TCP's addresses is understood."""
    if len(raw) < _SOCKADDR_IN:
        return None
    (family,) = _FAMILY.unpack_from(raw)
    (port,) = _PORT.unpack_from(raw, 2)
    if family == socket.AF_INET:
        return socket.AF_INET, (socket.inet_ntop(socket.AF_INET, raw[4:8]), port)
    # One with a scope is of a link, which is never public.
    if family == socket.AF_INET6 and len(raw) == _SOCKADDR_IN6 and not any(raw[24:28]):
        return socket.AF_INET6, (socket.inet_ntop(socket.AF_INET6, raw[8:24]), port)
    return None
