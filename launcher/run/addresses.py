"""Which addresses the nodes of other machines may dial: `--net`; no I/O.

A machine is offered at the host of its line in the peers file, which may mean another address to
each machine; at the address where the launcher has reached its agent; and where the agent itself
says that it listens. Nodes try them side by side, in this order, and believe certificates only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from distrcomp.notices import Machine, Place

from .. import limits
from ..cluster.names import PORTS, is_distinctive, shown
from ..control.interfaces import Interface
from ..errors import BadUsage, CannotStart
from ..records import record
from .connect import Connection
from .plain import listed, plain

_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # as Linux has it
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@record
class Net:
    """What `--net` allows: the addresses of one network, or of the interfaces of one name."""

    text: str
    network: _Network | None

    def allows(self, interface: str, address: str) -> bool:
        """Whether an address may be used; `interface` is empty where it is not known."""
        if self.network is None:
            return interface == self.text
        try:
            return ipaddress.ip_address(address.partition("%")[0]) in self.network
        except ValueError:
            return False


def parse_net(text: str) -> Net:
    """What `--net` says.

    Raises:
        BadUsage: neither a network nor the name of an interface.

    Example:
        >>> parse_net("10.1.0.0/16").allows("eth0", "10.1.2.3")
        True
    """
    try:
        return Net(text, ipaddress.ip_network(text, strict=False))
    except ValueError:
        pass
    if "/" in text or not _INTERFACE.fullmatch(text):
        raise BadUsage(
            f"--net {shown(text)}: write a network, like 10.1.0.0/16, or the name of a network "
            "interface, like eth1"
        )
    return Net(text, None)


def machines_of(connections: Sequence[Connection], net: Net | None = None) -> tuple[Machine, ...]:
    """The peers as the nodes of the others see them.

    Raises:
        CannotStart: the net leaves no address of it.
    """
    if len(connections) == 1:
        net = None  # nobody dials
    return tuple(machine_of(connection, net) for connection in connections)


def machine_of(connection: Connection, net: Net | None) -> Machine:
    """One of them."""
    peer = connection.peer
    if peer.is_here:
        return Machine(peer.label, peer.host, 0)
    told = connection.welcome.interfaces[: limits.INTERFACES_TOLD_MAX]
    reached = [Place(address, peer.port) for address in connection.addresses]
    if net is None:
        places = [Place(peer.host, peer.port), *reached[:1], *_places(told), *reached[1:]]
    else:
        places = _within(net, reached, told)
        if not places:
            known = [*(place.host for place in reached), *(each.address for each in told)]
            raise CannotStart(
                f"{plain(peer.label)} has no address that --net {net.text} allows; it has "
                f"{listed([plain(each) for each in dict.fromkeys(known)])}"
            )
    unique = tuple(dict.fromkeys(places))[: limits.ADDRESSES_TRIED_MAX]
    first = unique[0]
    return Machine(peer.label, first.host, first.port, unique if len(unique) > 1 else ())


def _within(net: Net, reached: Sequence[Place], told: Sequence[Interface]) -> list[Place]:
    named = {each.address: each.name for each in told}
    allowed = [place for place in reached if net.allows(named.get(place.host, ""), place.host)]
    return [*allowed, *_places(each for each in told if net.allows(each.name, each.address))]


def _places(told: Iterable[Interface]) -> list[Place]:
    return [
        Place(each.address, each.port)
        for each in told
        if _is_address(each.address) and each.port in PORTS
    ]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return is_distinctive(text)
