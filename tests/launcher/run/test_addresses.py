"""Which addresses nodes may dial."""

from __future__ import annotations

import pytest

from distrcomp import limits as node_limits
from distrcomp.notices import Machine, Place
from launcher.cluster.peers_file import Peer
from launcher.control import messages as m
from launcher.control.channel import memory_pair
from launcher.control.interfaces import Interface
from launcher.errors import BadUsage, CannotStart
from launcher.run.addresses import machines_of, parse_net
from launcher.run.connect import Connection

BRIDGE = Interface("docker0", "172.17.0.1", 6969)
LAN = Interface("eth0", "10.77.0.1", 6969)
FAST = Interface("ib0", "10.99.0.1", 6969)


def connection(
    host: str, *told: Interface, addresses: tuple[str, ...] = ("10.77.0.1",)
) -> Connection:
    """An agent that tells these interfaces."""
    welcome = m.Welcome(m.PROTOCOL, "0", "3.11", host, 1, 7, told)
    return Connection(Peer(host), memory_pair()[0], welcome, addresses[0], addresses)


def second(net: str | None, one: Connection) -> Machine:
    """What the other machines learn of this one."""
    other = connection("other", LAN, FAST, BRIDGE)
    return machines_of([other, one], None if net is None else parse_net(net))[1]


def test_one_address() -> None:
    """Where only one address is known there is nothing to try side by side."""
    machine = second(None, connection("10.77.0.1", LAN))
    assert Machine("10.77.0.1", "10.77.0.1", 6969) == machine


def test_the_name_comes_first() -> None:
    """The host of the peers file is tried first, then where the launcher got through, then what the
    agent says, then what else the name means here."""
    machine = second(None, connection("h1", BRIDGE, FAST, addresses=("10.77.0.1", "10.5.0.1")))
    expected = ["h1", "10.77.0.1", "172.17.0.1", "10.99.0.1", "10.5.0.1"]
    assert expected == [place.host for place in machine.places]


def test_the_agents_port() -> None:
    """What an agent says of itself holds with its own port, for the peers file's may be mapped."""
    machine = second(None, connection("h1", Interface("eth0", "10.5.0.1", 7000)))
    assert Place("10.5.0.1", 7000) == machine.places[-1]


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ("10.99.0.0/16", ["10.99.0.1"]),
        ("10.0.0.0/8", ["10.77.0.1", "10.99.0.1"]),
        ("10.99.0.1", ["10.99.0.1"]),
        ("ib0", ["10.99.0.1"]),
        ("eth0", ["10.77.0.1"]),
    ],
)
def test_net(net: str, expected: list[str]) -> None:
    """--net leaves the addresses of a network, or of an interface; a name may mean any."""
    machine = second(net, connection("h1", LAN, FAST, BRIDGE))
    assert expected == [place.host for place in machine.ways]


def test_net_leaves_nothing() -> None:
    """A peer without an allowed address is an error that tells its addresses."""
    with pytest.raises(CannotStart) as caught:
        second("10.99.0.0/16", connection("h1", LAN, BRIDGE))
    expected = "h1 has no address that --net 10.99.0.0/16 allows; it has 10.77.0.1, 172.17.0.1"
    assert expected == str(caught.value)


def test_net_of_a_run_on_one_machine() -> None:
    """Where nobody dials --net forbids nothing."""
    (machine,) = machines_of([connection("h1", LAN)], parse_net("192.0.2.0/24"))
    assert "h1" == machine.host


def test_this_machine() -> None:
    """The launcher's own machine has no port: it is not dialled, whatever --net says."""
    welcome = m.Welcome(m.PROTOCOL, "0", "3.11", "localhost", 1)
    here = Connection(Peer("localhost"), memory_pair()[0], welcome)
    assert Machine("localhost", "localhost", 0) == second("10.77.0.0/16", here)


@pytest.mark.parametrize(
    "told",
    [
        Interface("eth0", "internal.example.org", 6969),
        Interface("lo", "127.0.0.1", 6969),
        Interface("eth0", "10.5.0.1", 0),
        Interface("eth0", "10.5.0.1", 70_000),
        Interface("eth0", "fe80::1", 6969),
        Interface("eth0", "\x1b[2J", 6969),
    ],
)
def test_what_an_agent_can_not_say(told: Interface) -> None:
    """Names, other machines' own addresses and no ports are not dialled because an agent says so
    (S-36)."""
    assert () == second(None, connection("10.77.0.1", told)).places


def test_bound() -> None:
    """An agent that tells many addresses has few of them tried."""
    told = [Interface("eth0", f"10.5.0.{number}", 6969) for number in range(1, 200)]
    assert node_limits.ADDRESSES_TRIED_MAX == len(second(None, connection("h1", *told)).places)


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "eth0/24", "a b", "x" * 16, "10.0.0"])
def test_bad_net(text: str) -> None:
    """What is neither network nor interface is a mistake of the command line."""
    if text == "10.0.0":  # an interface may be called so
        assert parse_net(text).network is None
        return
    with pytest.raises(BadUsage, match="--net"):
        parse_net(text)
