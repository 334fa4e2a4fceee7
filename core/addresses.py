"""Which addresses are public, and which of them are this machine's own."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))
"""NAT64 and 6to4: within them are IPv4 addresses, private ones too."""

_METADATA: Final = (IPv4Address("168.63.129.16"),)
"""Azure's, the one whose address looks public."""

_ANY_PORT: Final = 53


def read(text: str) -> Address:
    """Return the address in a text, of IPv4 where it is one mapped into IPv6. Raises ValueError."""
    address = ip_address(text.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet's."""
    if isinstance(address, IPv6Address):
        translated = any(address in each for each in _TRANSLATED)
        if translated or address.is_site_local or address.ipv4_mapped or address.teredo:
            return False
    refused = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not refused and address not in _METADATA


def is_own(address: Address) -> bool:
    """Return whether it is an address of this machine: then it would be the sender's as well."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing.
            probe.connect((str(address), _ANY_PORT))
        except OSError:
            return False
        return ip_address(probe.getsockname()[0].partition("%")[0]) == address
