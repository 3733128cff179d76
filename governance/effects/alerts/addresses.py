"""Where a webhook may connect to: the allow-list of ``GOVERNANCE_WEBHOOK_HOSTS``, and addresses.

An entry is a host name, an IP address, or either with a port (443 if not given):

* ``hooks.example.com`` -- this host, while its address is a public one;
* ``chat.internal!private`` -- this host, also at a private address or on this machine;
* ``10.0.0.5``, ``[fd00::5]:8443`` -- this very address, public or not.

An address that carries another one (IPv4-mapped, SIIT, NAT64, 6to4) is judged by that one too.
Link-local, multicast and unspecified addresses are never allowed, nor where cloud metadata services
live outside of them.
Pure: nothing is resolved or connected here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from governance.errors import SettingsError

Address = IPv4Address | IPv6Address

_PRIVATE = "!private"
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_SIIT = IPv6Network("::ffff:0:0:0/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
# Metadata services of clouds that do not live at a link-local address.
_METADATA = (ip_address("fd00:ec2::254"), ip_address("100.100.100.200"))
# Reach other networks through a gateway whose address is not in them, or are used up.
_NEVER_PUBLIC = (
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/32"),
    IPv6Network("fec0::/10"),
)


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry of the allow-list."""

    host: str
    port: int = 443
    private: bool = False

    def allows(self, address: Address) -> bool:
        """May a connection for this entry end at ``address``?

        >>> AllowedHost("hooks.example.com").allows(ip_address("::ffff:10.0.0.5"))
        False
        """
        return (reachable if self.private else public)(address)


def allowed_hosts(text: str) -> tuple[AllowedHost, ...]:
    """The entries of ``GOVERNANCE_WEBHOOK_HOSTS``.

    Raises:
        SettingsError: an entry is neither a host nor an address.

    >>> allowed_hosts("hooks.example.com, chat.internal:8443!private")[1]
    AllowedHost(host='chat.internal', port=8443, private=True)
    """
    return tuple(_entry(part.strip()) for part in text.split(",") if part.strip())


def _entry(text: str) -> AllowedHost:
    name = text.removesuffix(_PRIVATE)
    literal = _address(name.strip("[]"))
    if literal is not None:
        return AllowedHost(str(literal), private=True)
    host, colon, port = name.rpartition(":")
    if not colon:
        host, port = name, "443"
    literal = _address(host.strip("[]"))
    labels = host.lower().rstrip(".").split(".")
    good = literal is not None or all(
        label.isascii() and label.replace("-", "a").replace("_", "a").isalnum() for label in labels
    )
    if not good or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(
            f"GOVERNANCE_WEBHOOK_HOSTS: {text[:80]!r} is no host; write hooks.example.com, "
            "chat.internal:8443!private or an IP address, separated by commas"
        )
    where = str(literal) if literal is not None else ".".join(labels)
    return AllowedHost(where, int(port), literal is not None or text.endswith(_PRIVATE))


def find_entry(entries: tuple[AllowedHost, ...], host: str, port: int) -> AllowedHost | None:
    """The entry for this host and port, if there is one; names are compared as a whole."""
    literal = _address(host)
    name = str(literal) if literal is not None else host.lower().rstrip(".")
    return next((entry for entry in entries if (entry.host, entry.port) == (name, port)), None)


def public(address: Address) -> bool:
    """A unicast address of the public internet, also in what it carries.

    >>> [public(ip_address(text)) for text in ("8.8.8.8", "64:ff9b::a00:1", "2002:7f00:1::")]
    [True, False, False]
    """
    return reachable(address) and all(
        one.is_global
        and not any(isinstance(one, IPv6Address) and one in net for net in _NEVER_PUBLIC)
        for one in _carried(address)
    )


def reachable(address: Address) -> bool:
    """An address that a private service may have: no multicast, link-local or metadata one."""
    return not any(
        one.is_multicast
        or one.is_link_local
        or one.is_unspecified
        or one in _METADATA
        or (isinstance(one, IPv4Address) and (one.is_reserved or one in _THIS_NETWORK))
        for one in _carried(address)
    )


def _carried(address: Address) -> Iterator[Address]:
    """The address that counts, and with it any IPv4 address inside it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _NAT64 or address in _SIIT:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
        return
    if address.sixtofour is not None:  # Pythons do not agree on whether 2002::/16 is global
        yield address.sixtofour
        return
    yield address
    if address in _LOCAL_NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
