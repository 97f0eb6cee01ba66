"""The ceiling between machines."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from distrcomp.benchmark import tcp
from distrcomp.benchmark.patterns import BOTH_WAYS, ONE_WAY, THERE_AND_BACK, Pattern

HERE = (int(socket.AF_INET), "127.0.0.1")


class Acceptance:
    """A listener that waits in a thread of its own, and what came of it."""

    def __init__(self) -> None:
        self.listener = tcp.Listener(*HERE)
        self.connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(TimeoutError):
            self.connection = self.listener.accept()

    def end(self) -> socket.socket | None:
        """The connection that was taken, if any; the listener has ended."""
        self._thread.join(10)
        return self.connection


@pytest.fixture
def two_sides() -> Iterator[tuple[tcp.BareConnection, tcp.BareConnection]]:
    """A bare connection."""
    acceptance = Acceptance()
    dialled = tcp.dial(*HERE, acceptance.listener.port, acceptance.listener.token)
    accepted = acceptance.end()
    assert accepted is not None
    sides = tcp.BareConnection(dialled), tcp.BareConnection(accepted)
    yield sides
    for side in sides:
        side.close()


@pytest.mark.parametrize("pattern", [THERE_AND_BACK, ONE_WAY, BOTH_WAYS])
def test_every_pattern_runs_over_it(
    two_sides: tuple[tcp.BareConnection, tcp.BareConnection], pattern: Pattern
) -> None:
    """For no bytes, short messages, and long ones that no socket's buffer holds, in any order."""
    one, other = two_sides
    for size in (0, 100, 20_000_000, 65_536, 5):
        thread = threading.Thread(target=pattern.follow, args=(other.path(size), 5))
        thread.start()
        assert pattern.lead(one.path(size), 5) >= 0
        thread.join(10)
        assert not thread.is_alive()


def test_an_ended_connection_is_an_error(
    two_sides: tuple[tcp.BareConnection, tcp.BareConnection],
) -> None:
    """Neither receiving nor swapping waits for the other side's end."""
    one, other = two_sides
    other.close()
    with pytest.raises(ConnectionError):
        one.path(10).receive()
    with pytest.raises(ConnectionError):
        one.path(10_000_000).swap()


def test_strangers_are_sent_away() -> None:
    """A wrong token, half a token and silence change nothing; the right one is then taken."""
    acceptance = Acceptance()
    listener = acceptance.listener
    with pytest.raises(OSError, match=r"closed|reset"):
        tcp.dial(*HERE, listener.port, bytes(16))
    with socket.create_connection((HERE[1], listener.port)) as half:
        half.sendall(listener.token[:8])
        half.shutdown(socket.SHUT_WR)
        assert b"" == half.recv(1)
    with socket.create_connection((HERE[1], listener.port)) as silent:
        tcp.dial(*HERE, listener.port, listener.token).close()
        assert b"" == silent.recv(1)
    taken = acceptance.end()
    assert taken is not None
    taken.close()


def test_it_listens_no_longer_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the one connection, and when nobody came, the port is closed."""
    taken = Acceptance()
    tcp.dial(*HERE, taken.listener.port, taken.listener.token).close()
    connection = taken.end()
    assert connection is not None
    connection.close()
    monkeypatch.setattr(tcp, "ACCEPT_TIMEOUT_S", 0.01)
    lonely = Acceptance()
    assert lonely.end() is None
    for listener in (taken.listener, lonely.listener):
        with pytest.raises(ConnectionRefusedError):
            tcp.dial(*HERE, listener.port, listener.token)


def test_an_address_of_another_machine_cannot_be_listened_at() -> None:
    """Behind an address translation the launcher's name for a machine is none of its own."""
    with pytest.raises(OSError, match="assign"):
        tcp.Listener(int(socket.AF_INET), "192.0.2.1")


def test_resolving() -> None:
    """A literal address is itself, with its family."""
    assert HERE == tcp.resolve("127.0.0.1")
    assert (int(socket.AF_INET6), "::1") == tcp.resolve("::1")
