"""Where a webhook may connect to: nothing private gets through, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.effects.alerts.addresses import (
    AllowedHost,
    allowed_hosts,
    find_entry,
    public,
    reachable,
)
from governance.errors import SettingsError

NOT_PUBLIC = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "0.1.2.3"),
    *("169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
]
NEVER = [
    *("169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fe80::1"),
    *("fd00:ec2::254", "100.100.100.200", "::ffff:100.100.100.200", "::ffff:0:100.100.100.200"),
    *("::ffff:0:169.254.169.254", "64:ff9b:1::169.254.169.254", "64:ff9b::6464:64c8"),
    *("2002:a9fe:a9fe::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"),
]
PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_what_is_not_the_public_internet_is_refused(text: str) -> None:
    assert not public(ip_address(text))


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_refused_even_where_private_ones_are_allowed(text: str) -> None:
    assert not reachable(ip_address(text))
    assert not AllowedHost("x", private=True).allows(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert public(ip_address(text))


def test_private_services_are_reached_where_the_list_says_so() -> None:
    for text in ("10.0.0.5", "127.0.0.1", "::1", "fd00::5", "::ffff:10.0.0.5"):
        assert AllowedHost("x", private=True).allows(ip_address(text))
        assert not AllowedHost("x").allows(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_carried(inner: IPv4Address) -> None:
    number = int(inner)
    for carrier in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0xFFFF << 48) | number),
        IPv6Address((0x0064FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
    ):
        assert public(carrier) == public(inner), carrier


@given(st.ip_addresses())
def test_what_is_public_is_reachable(address: IPv4Address | IPv6Address) -> None:
    assert not public(address) or reachable(address)


def test_the_list_names_hosts_ports_and_addresses() -> None:
    found = allowed_hosts(
        " Hooks.Example.com ,chat.internal!private,a:8443!private,10.0.0.5,[fd00::5]:8443,::1, "
    )
    assert found == (
        AllowedHost("hooks.example.com"),
        AllowedHost("chat.internal", private=True),
        AllowedHost("a", 8443, private=True),
        AllowedHost("10.0.0.5", private=True),
        AllowedHost("fd00::5", 8443, private=True),
        AllowedHost("::1", private=True),
    )
    assert allowed_hosts("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example",
        "a..b",
        "a:0",
        "a:99999",
        "a:b",
        "*.example.com",
        "a/b",
        "a b",
        "!private",
    ],
)
def test_an_entry_that_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no host"):
        allowed_hosts(f"ok.example.com,{text}")


def test_only_the_very_host_and_port_is_found() -> None:
    entries = allowed_hosts("hooks.example.com,10.0.0.5:8443")
    assert find_entry(entries, "HOOKS.example.com.", 443) == entries[0]
    assert find_entry(entries, "10.0.0.5", 8443) == entries[1]
    for host, port in (
        *(("example.com", 443), ("a.hooks.example.com", 443), ("hooks.example.com", 8443)),
        *(("hooks.example.com.evil.org", 443), ("10.0.0.5", 443), ("10.0.0.50", 8443)),
    ):
        assert find_entry(entries, host, port) is None
