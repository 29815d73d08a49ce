"""Connections to public addresses alone, so that data cannot make this machine ask its own network.

A name is resolved once, the addresses are judged, and the connection goes to a judged address: a
name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from tuneline.data.media.problem import MediaProblem

if TYPE_CHECKING:
    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether an address, and the one that may be wrapped in it, is on the public internet."""
    return all(
        each.is_global and not each.is_multicast and not each.is_reserved
        for each in _unwrapped(address)
    )


def is_loopback(address: Address) -> bool:
    """Whether an address is this machine's own, such as 127.0.0.1."""
    return _unwrapped(address)[-1].is_loopback


def connect(host: str, port: int, *, timeout_s: float, allow_loopback: bool) -> socket.socket:
    """Connect to ``host`` if all its addresses are public.

    Args:
        host: Name or address.
        port: Port.
        timeout_s: Longest wait of each step on the socket, in seconds.
        allow_loopback: Take this machine's own addresses too.

    Raises:
        MediaProblem: ``bad_media_uri``: an address of it is not public.
        OSError: The name cannot be resolved, or nothing answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not (is_public(address) or (allow_loopback and is_loopback(address))):
            raise MediaProblem(
                "bad_media_uri",
                "leads to a private, local or reserved address, which is not opened.",
            )
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout_s)
        try:
            connection.connect(place)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _unwrapped(address: Address) -> list[Address]:
    """The address, and the IPv4 address that IPv6 carries in it, last."""
    addresses: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            # A mapped address is the IPv4 address itself; IPv6 calls all of them private.
            return [inner] if address.ipv4_mapped else [address, inner]
    return addresses
