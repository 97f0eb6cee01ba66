"""Places tried side by side: the first that is proven wins, and nothing is left of the others."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

import pytest

from distrcomp import limits
from distrcomp.errors import LinkFailed
from distrcomp.links import side_by_side
from distrcomp.links.handshake import accept, address_of, dial
from distrcomp.links.side_by_side import Address, NoneProven, first_proven
from distrcomp.notices import Place
from distrcomp.preamble import PREAMBLE_BYTES
from tests.distrcomp.links.kit import handed_over, listener, ticket

WAIT_S = 30.0
PLACES = (Place("127.0.0.1", 1), Place("127.0.0.2", 2))


@pytest.fixture(autouse=True)
def _no_stagger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next place is tried at once."""
    monkeypatch.setattr(side_by_side, "STAGGER_S", 0.0)


class Attempts:
    """Attempts that end by port: an exception, or a socket once the event has come.

    Attributes:
        made: the sockets, by port; `begun` the ports in order.
    """

    def __init__(self, **ends: Exception | threading.Event) -> None:
        self.ends = {int(port.removeprefix("port")): end for port, end in ends.items()}
        self.made: dict[int, socket.socket] = {}
        self.begun: list[int] = []

    def __call__(self, address: Address, watch: Callable[[socket.socket], None]) -> socket.socket:
        port = int(str(address[1][1]))
        self.begun.append(port)
        end = self.ends[port]
        if isinstance(end, Exception):
            raise end
        connection = self.made[port] = socket.socket()
        try:
            watch(connection)
        except OSError:  # another one was so quick that this had hardly begun
            connection.close()
            raise
        end.wait(WAIT_S)
        return connection


def first(attempts: Attempts, places: tuple[Place, ...] = PLACES) -> socket.socket:
    """The first of these places."""
    return first_proven(places, attempts, monotonic() + WAIT_S)


def at_once() -> threading.Event:
    """What has come already."""
    event = threading.Event()
    event.set()
    return event


def test_a_failure_begins_the_next() -> None:
    """Where one place fails the next one is tried."""
    attempts = Attempts(port1=ConnectionRefusedError(), port2=at_once())
    with first(attempts) as connection:
        assert attempts.made[2] is connection


def test_a_silent_place_keeps_nobody_waiting() -> None:
    """Beside a place that says nothing the next one is tried; what came of the first is closed."""
    late = threading.Event()
    attempts = Attempts(port1=late, port2=at_once())
    with first(attempts) as connection:
        assert attempts.made[2] is connection
    late.set()
    for thread in threading.enumerate():
        if thread.name == "distrcomp-dial":
            thread.join(WAIT_S)
    assert attempts.made[1].fileno() == -1


def test_all_fail() -> None:
    """Where no place is right each says why."""
    one, other = ConnectionRefusedError(), OSError("no route")
    with pytest.raises(NoneProven) as caught:
        first(Attempts(port1=one, port2=other))
    assert {"127.0.0.1:1": one, "127.0.0.2:2": other} == caught.value.failures


def test_the_deadline() -> None:
    """Who has said nothing by the deadline is told as silent."""
    late = threading.Event()
    attempts = Attempts(port1=late, port2=ConnectionRefusedError())
    with pytest.raises(NoneProven) as caught:
        first_proven(PLACES, attempts, monotonic() + 0.2)
    late.set()
    kinds = {what: type(why) for what, why in caught.value.failures.items()}
    assert {"127.0.0.1:1": TimeoutError, "127.0.0.2:2": ConnectionRefusedError} == kinds


def test_one_address_once() -> None:
    """An address to which two places lead is tried once."""
    attempts = Attempts(port1=ConnectionRefusedError())
    with pytest.raises(NoneProven):
        first(attempts, (PLACES[0], PLACES[0]))
    assert [1] == attempts.begun


def test_unknown_name_beside_an_address() -> None:
    """A name that nobody knows costs nothing where an address is known, too."""
    attempts = Attempts(port2=at_once())
    first(attempts, (Place("no-such-host.invalid", 1), PLACES[1])).close()


def test_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many addresses are tried, and no more."""
    monkeypatch.setattr(limits, "ADDRESSES_TRIED_MAX", 1)
    attempts = Attempts(port1=ConnectionRefusedError(), port2=at_once())
    with pytest.raises(NoneProven):
        first(attempts)
    assert [1] == attempts.begun


def test_the_proof_decides() -> None:
    """Another machine's agent that owns the same address takes the connection and proves nothing:
    the node is found at its other address."""
    with listener() as wrong, listener() as right:
        wrong_port, right_port = (each.getsockname()[1] for each in (wrong, right))
        dialling, accepting = ticket(0, right_port), ticket(1, right_port)
        places = (Place("127.0.0.1", wrong_port), Place("127.0.0.1", right_port))
        machine = dialling.machines[1]._replace(places=places)
        dialling = dialling._replace(machines=(dialling.machines[0], machine))
        ends: list[socket.socket] = []
        threads = [
            threading.Thread(target=lambda: handed_over(wrong).close()),
            threading.Thread(target=lambda: ends.append(accept(accepting, 0, handed_over(right)))),
        ]
        for thread in threads:
            thread.start()
        connection = dial(dialling, 1)
        for thread in threads:
            thread.join(WAIT_S)
        with connection, ends[0]:
            assert f"127.0.0.1:{right_port}" == address_of(connection)
            ends[0].sendall(b"it is me")
            assert b"it is me" == connection.recv(8)


def test_two_addresses_of_the_right_node() -> None:
    """When both attempts come to the node itself it takes one, and both ends agree on which."""
    with listener() as one, listener() as other:
        ports = [each.getsockname()[1] for each in (one, other)]
        dialling, accepting = ticket(0, ports[0]), ticket(1, ports[0])
        machine = dialling.machines[1]._replace(
            places=tuple(Place("127.0.0.1", port) for port in ports)
        )
        dialling = dialling._replace(machines=(dialling.machines[0], machine))
        turn = threading.Lock()
        taken: list[socket.socket] = []

        def serve(server: socket.socket) -> None:
            raw, _ = server.accept()
            if len(raw.recv(PREAMBLE_BYTES, socket.MSG_WAITALL)) < PREAMBLE_BYTES:
                raw.close()  # it was given up before it began
                return
            with contextlib.suppress(LinkFailed):
                admit = partial(turn.acquire, blocking=False)
                taken.append(accept(accepting, 0, raw, admit))

        threads = [threading.Thread(target=serve, args=(each,)) for each in (one, other)]
        for thread in threads:
            thread.start()
        connection = dial(dialling, 1)
        for server in (one, other):  # one may never have been tried
            socket.create_connection(server.getsockname()).close()
        for thread in threads:
            thread.join(WAIT_S)
        with connection, taken[0]:
            assert 1 == len(taken)
            taken[0].sendall(b"it is me")
            assert b"it is me" == connection.recv(8)


def test_all_reasons_are_told() -> None:
    """The error of a link names each address, where they fail in different ways."""
    with listener() as closed:
        port = closed.getsockname()[1]
    lost = ticket(0, port)
    places = (Place("127.0.0.1", port), Place("no-such-host.invalid", port))
    machine = lost.machines[1]._replace(places=places)
    with pytest.raises(Exception, match="this name is not known") as caught:
        dial(lost._replace(machines=(lost.machines[0], machine)), 1)
    assert f"127.0.0.1:{port}: connection refused" in str(caught.value)
