"""A SOCKS proxy (RFC 1928) that reaches the index of packages and nothing else."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Collection
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from core.addresses import is_public

CHUNK: Final = 64 * 1024

_HTTPS: Final = 443
_PORTS: Final = {"http": 80, "https": _HTTPS}

_VERSION: Final = b"\x05"
_IPV4, _NAME, _IPV6 = 1, 3, 4
_GRANTED, _REFUSED, _UNREACHABLE = b"\x00", b"\x02", b"\x04"
_NO_ADDRESS: Final = b"\x00\x01" + bytes(6)


class Place(NamedTuple):
    """Where a server is."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Return where the server of a URL is."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, _HTTPS))


class _NotReachedError(Exception):
    def __init__(self, place: Place, reason: str, code: bytes) -> None:
        super().__init__(f"Not reached: {place.host}:{place.port}, {reason}")
        self.code = code


class IndexProxy:
    """The proxy, for connections that are made otherwise: it listens nowhere."""

    def __init__(self, places: Collection[Place]) -> None:
        """Reach these; without any, whatever has a public address and speaks HTTPS."""
        self._places = places

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection until either side is done."""
        reader, writer = await asyncio.open_connection(sock=connection)
        with closing(writer), suppress(asyncio.IncompleteReadError, ValueError, KeyError, OSError):
            place = await _asked(reader, writer)
            try:
                upstream, downstream = await self._connect(place)
            except _NotReachedError as error:
                sys.stderr.write(f"{error}.\n")
                writer.write(_VERSION + error.code + _NO_ADDRESS)
                return
            with closing(downstream):
                writer.write(_VERSION + _GRANTED + _NO_ADDRESS)
                await asyncio.gather(_copy(reader, downstream), _copy(upstream, writer))

    async def _connect(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            address = await self._address(place)
            if address is None:
                raise _NotReachedError(place, "PACKAGE_INDEX doesn't name it", _REFUSED)
            return await asyncio.open_connection(address, place.port)
        except OSError as error:
            raise _NotReachedError(place, error.strerror or "it doesn't answer", _UNREACHABLE) from None

    async def _address(self, place: Place) -> str | None:
        """Return what to connect to; None for what isn't to be reached."""
        if self._places:
            return place.host if place in self._places else None
        if place.port != _HTTPS:
            return None
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        return next((each for each in addresses if is_public(ip_address(each.partition("%")[0]))), None)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Place:
    """Return where a client wants to be connected to."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(_VERSION + b"\x00")
    *_, kind = await reader.readexactly(4)
    host = await _HOSTS[kind](reader)
    return Place(host.lower(), int.from_bytes(await reader.readexactly(2), "big"))


async def _name(reader: asyncio.StreamReader) -> str:
    (length,) = await reader.readexactly(1)
    return (await reader.readexactly(length)).decode("ascii")


def _numeric(family: socket.AddressFamily, length: int) -> Callable[[asyncio.StreamReader], Awaitable[str]]:
    async def read(reader: asyncio.StreamReader) -> str:
        return socket.inet_ntop(family, await reader.readexactly(length))

    return read


_HOSTS: Final = {_IPV4: _numeric(socket.AF_INET, 4), _NAME: _name, _IPV6: _numeric(socket.AF_INET6, 16)}


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()
    with suppress(OSError):
        target.write_eof()
