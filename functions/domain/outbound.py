"""Where requests may go to addresses that others have named: public ones, and those of networks that operators name.

What counts is the address to which a connection is made in the end, whatever the name of the host has stood for until
then.
"""

from core.configuration import setting


def allows(address: str, networks_setting: str) -> bool:
    """Return whether an IP address may be connected to; the setting has networks that may be beside public ones."""
    # Most who import this have no address to look at.
    from ipaddress import ip_network

    from core import addresses

    try:
        found = addresses.read(address)
    except ValueError:
        return False
    if any(found in ip_network(each) for each in setting(networks_setting, "").split()):
        return True
    return addresses.is_public(found) and not addresses.is_own(found)
