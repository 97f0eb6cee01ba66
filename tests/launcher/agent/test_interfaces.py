"""Where an agent may be dialled."""

from __future__ import annotations

from launcher.agent.interfaces import own_interfaces
from launcher.cluster.invite import own_addresses


def test_every_interface() -> None:
    """Who listens everywhere is found at each address of the machine, with the port."""
    found = own_interfaces([("0.0.0.0", 7000), ("::", 7000)])
    assert set(own_addresses()) == {each.address for each in found}
    assert {7000} >= {each.port for each in found}


def test_one_address() -> None:
    """Who listens at one address is found there only; the loopback is no address for others."""
    assert () == own_interfaces([("127.0.0.1", 7000), ("::1", 7000), ("192.0.2.77", 7000)])
    for address in own_addresses()[:1]:
        assert [address] == [each.address for each in own_interfaces([(address, 7000)])]


def test_one_family() -> None:
    """Who listens on IPv4 only is not said to be found at an IPv6 address."""
    assert [] == [each for each in own_interfaces([("0.0.0.0", 1)]) if ":" in each.address]
