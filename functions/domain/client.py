"""Who sends a request, as far as a server can tell without being told: from where, and with what."""

import re
from dataclasses import dataclass
from typing import Final

_V4_BITS: Final = 24
_V6_BITS: Final = 64
"""Of an address, what is kept: enough to tell networks apart, and not a person's line."""

_DEVICE_LENGTH: Final = 200
_UNSEEN: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True)
class Client:
    """The program that a person uses."""

    network: str
    """Where it is: `203.0.113.0/24`, `2001:db8:1:2::/64`, or empty where nothing tells."""
    device: str
    """What it calls itself in the header User-Agent: up to 200 printable ASCII characters."""


NOBODY: Final = Client("", "")
"""No client, such as for what a command line does."""


def network_of(address: str) -> str:
    """Return the network of an IP address, empty for a text that is none."""
    # Only log-ins and refreshes need it.
    import ipaddress

    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), _V6_BITS), strict=False))
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((int(found), _V4_BITS), strict=False))


def device_of(user_agent: str) -> str:
    """Return what is kept of the header User-Agent."""
    return _UNSEEN.sub("", user_agent)[:_DEVICE_LENGTH]
