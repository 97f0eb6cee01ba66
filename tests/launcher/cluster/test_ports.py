"""Who listens on a port."""

from __future__ import annotations

import asyncio
import os
import socket

import psutil
import pytest

from launcher.cluster.ports import holder_of, listener_at, tcp_socket

TRIES = 10  # somebody else may have a port of IPv4 that is free for IPv6


def at_all(*, is_ipv6_alone: bool) -> socket.socket:
    """A listener at every address of IPv6."""
    try:
        return listener_at(socket.AF_INET6, ("::", 0), is_ipv6_alone=is_ipv6_alone)
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_ipv6_leaves_ipv4_to_another() -> None:
    """A listener at every address of IPv6 alone leaves that port of IPv4 free."""
    refusals = []
    for _ in range(TRIES):
        with at_all(is_ipv6_alone=True) as listener:
            port = listener.getsockname()[1]
            try:
                listener_at(socket.AF_INET, ("0.0.0.0", port), is_ipv6_alone=True).close()
            except OSError as error:
                refusals.append(error)
            else:
                break
    assert len(refusals) < TRIES, refusals


def test_ipv6_takes_ipv4_where_told() -> None:
    """One that is for both is there for IPv4, and nobody else can be."""
    with at_all(is_ipv6_alone=False) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            listener_at(socket.AF_INET, ("0.0.0.0", port), is_ipv6_alone=False)
        socket.create_connection(("127.0.0.1", port)).close()


def test_nothing_waits_to_be_acknowledged() -> None:
    """asyncio sends each message at once, on connections that we make and on those we take."""

    async def scenario() -> list[int]:
        loop = asyncio.get_running_loop()
        with listener_at(socket.AF_INET, ("127.0.0.1", 0), is_ipv6_alone=True) as listener:
            dialled = tcp_socket(socket.AF_INET)
            dialled.setblocking(False)
            await loop.sock_connect(dialled, listener.getsockname())
            taken, _ = await loop.sock_accept(listener)
        ours, _ = await loop.create_connection(asyncio.Protocol, sock=dialled)
        theirs, _ = await loop.connect_accepted_socket(asyncio.Protocol, taken)
        delays = [
            end.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for end in (ours, theirs)
        ]
        ours.close()
        theirs.close()
        await asyncio.sleep(0)  # they close in their next turn
        return delays

    assert [1, 1] == [bool(each) for each in asyncio.run(scenario())]


@pytest.mark.processes
def test_a_port_has_a_holder() -> None:
    """Whoever listens on it is named, and nobody else who has that port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as connected:
            assert holder_of(port).endswith(f" (pid {os.getpid()})")
            assert "" == holder_of(connected.getsockname()[1])
    assert "" == holder_of(port)


def test_a_name_forges_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-38: what a process calls itself is shown in plain characters."""

    class Named:
        def __init__(self, _pid: int) -> None: ...

        def name(self) -> str:
            return "a\n\x1b[2J"

    monkeypatch.setattr(psutil, "Process", Named)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        expected = f" by a\\n\\x1b[2J (pid {os.getpid()})"
        assert expected == holder_of(listener.getsockname()[1])
