"""Which addresses children may connect to."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Self

from core import addresses
from core.addresses import Address, is_own, is_public

from .limits import Egress

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
            found = addresses.read(address)
        except ValueError:
            return False
        if self.egress is Egress.ALL or any(found in ip_network(each) for each in self.allowed):
            return True
        if self.egress is Egress.NONE:
            return False
        return (port == _DNS and found in self.name_servers) or (is_public(found) and not is_own(found))


def _name_servers() -> Iterable[Address]:
    with suppress(FileNotFoundError):
        for line in Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["nameserver"] and len(words) > 1:
                with suppress(ValueError):
                    yield ip_address(words[1].partition("%")[0])
