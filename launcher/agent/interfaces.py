"""Where an agent may be dialled: the addresses of this machine at which it listens."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import psutil

from .. import limits
from ..cluster import names
from ..control.interfaces import Interface


def own_interfaces(listening: Sequence[tuple[str, int]]) -> tuple[Interface, ...]:
    """Each address of this machine at which one of the listeners is found, up to a bound.

    Addresses that mean another machine to everybody (loopback, link-local) are left out.

    Args:
        listening: the addresses and ports of the listeners.
    """
    found = [
        Interface(interface, host, port)
        for interface, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
        and (host := names.normal_host(address.address.partition("%")[0])) is not None
        and names.is_distinctive(host)
        for port in _ports(host, listening)
    ]
    return tuple(sorted(found, key=lambda each: ":" in each.address))[: limits.INTERFACES_TOLD_MAX]


def _ports(host: str, listening: Sequence[tuple[str, int]]) -> list[int]:
    """The ports at which `host` leads to a listener."""
    return [port for where, port in listening if _leads_to(host, where)]


def _leads_to(host: str, where: str) -> bool:
    one, other = ipaddress.ip_address(host), ipaddress.ip_address(where.partition("%")[0])
    return one == other or (other.is_unspecified and one.version == other.version)
