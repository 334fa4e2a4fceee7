"""Which addresses children may connect to."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, Self

from .limits import Egress

Address = IPv4Address | IPv6Address

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))
"""NAT64 and 6to4: within them are IPv4 addresses, private ones too."""

_METADATA: Final = (IPv4Address("168.63.129.16"),)
"""Azure's, the one whose address looks public."""

_DNS: Final = 53

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Destinations:
    """What egress allows."""

    egress: Egress
    allowed: tuple[str, ...]
    """Networks that are allowed besides, such as `10.1.2.0/24`."""
    name_servers: frozenset[Address]
    doors: frozenset[int] = frozenset()
    """Ports of 127.0.0.1 at which the host itself answers children."""

    @classmethod
    def of(cls, egress: Egress, allowed: Iterable[str], doors: Iterable[int]) -> Self:
        """Return them with this machine's name servers."""
        return cls(egress, tuple(allowed), frozenset(_name_servers()), frozenset(doors))

    def is_door(self, address: str, port: int) -> bool:
        """Return whether the host itself answers there."""
        return port in self.doors and address == _LOOPBACK

    def allow(self, address: str, port: int) -> bool:
        """Return whether a TCP connection there is allowed."""
        if self.is_door(address, port):
            return True
        try:
            found = _plain(ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if self.egress is Egress.ALL or any(found in ip_network(each) for each in self.allowed):
            return True
        if self.egress is Egress.NONE:
            return False
        return (port == _DNS and found in self.name_servers) or (is_public(found) and not _is_own(found))


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet's."""
    if isinstance(address, IPv6Address):
        translated = any(address in each for each in _TRANSLATED)
        if translated or address.is_site_local or address.ipv4_mapped or address.teredo:
            return False
    refused = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not refused and address not in _METADATA


def _is_own(address: Address) -> bool:
    """Return whether it is an address of this machine: then it would be the sender's as well."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing.
            probe.connect((str(address), _DNS))
        except OSError:
            return False
        return ip_address(probe.getsockname()[0].partition("%")[0]) == address


def _plain(address: Address) -> Address:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _name_servers() -> Iterable[Address]:
    with suppress(FileNotFoundError):
        for line in Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["nameserver"] and len(words) > 1:
                with suppress(ValueError):
                    yield ip_address(words[1].partition("%")[0])
