"""Which addresses are public."""

from ipaddress import ip_address

import pytest

from core import addresses
from core.addresses import is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.1.2.3", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:93.184.215.14", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::1", False),
        ("2002:7f00:1::1", False),
        ("2001:0:7f00:1::1", False),
    ],
)
def test_public_is_what_nothing_private_hides_in(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def test_an_address_of_ipv4_is_read_as_one_however_it_is_written() -> None:
    assert [str(addresses.read(each)) for each in ("::ffff:10.0.0.1", "fe80::1%eth0")] == ["10.0.0.1", "fe80::1"]


def test_this_machines_own_addresses_are_known() -> None:
    assert [addresses.is_own(ip_address(each)) for each in ("127.0.0.1", "93.184.215.14")] == [True, False]
