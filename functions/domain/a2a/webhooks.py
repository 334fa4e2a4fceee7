"""Where push notifications may go: to what clients name, and yet never into a network that isn't theirs to reach.

A URL is looked at when it is given, for whoever has made a mistake. What counts is the address to which a connection is
made in the end, whatever the name of the host has stood for until then.
"""

from typing import Final
from urllib.parse import urlsplit

from core.configuration import setting
from functions.domain.a2a.errors import InvalidParams

NETWORKS_SETTING: Final = "PUSH_NETWORKS"
"""Networks that may be reached beside public addresses, with spaces."""

HTTP_SETTING: Final = "PUSH_HTTP"
"""`allowed` for plain HTTP too."""

SETTINGS: Final = (NETWORKS_SETTING, HTTP_SETTING)

_ALLOWED: Final = "allowed"

_LOCAL: Final = {"localhost": "127.0.0.1"}


def allows(address: str) -> bool:
    """Return whether an IP address may be connected to."""
    # Most who import this have no address to look at.
    from functions.domain import outbound

    return outbound.allows(address, NETWORKS_SETTING)


def check(url: str) -> None:
    """Raise InvalidParams for what is no URL of a webhook, or one of a host that can't be one."""
    schemes = ("https", "http") if setting(HTTP_SETTING, "") == _ALLOWED else ("https",)
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        begins = " or ".join(f"{each}://" for each in schemes)
        raise InvalidParams(f"url: an address that begins with {begins} is wanted.")
    if parts.username is not None or parts.fragment:
        raise InvalidParams("url: it has a user or a fragment; what authenticates notifications is in authentication.")
    if _is_refused(str(parts.hostname)):
        raise InvalidParams("url: push notifications go to public addresses alone.")


def _is_refused(host: str) -> bool:
    """Return whether a host is an address, rather than a name, and one that isn't allowed."""
    from core import addresses

    address = _LOCAL.get(host, host)
    try:
        addresses.read(address)
    except ValueError:
        return False
    return not allows(address)
