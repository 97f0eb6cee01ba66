"""The fault proxy itself: it must be able to do what the tests of faults rely on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.faults.proxy import FaultProxy, Faults, Way
from tests.leaks import wait_until

TLS = b"\x16"


class Echo:
    """A listener that sends back what comes; `ends` says how each connection ended."""

    def __init__(self, listener: socket.socket) -> None:
        self.address: tuple[str, int] = listener.getsockname()
        self.ends: list[str] = []
        self._listener = listener

    def serve(self) -> None:
        """One connection, to its end."""
        connection, _ = self._listener.accept()
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
                self.ends.append("in order")
            except OSError:
                self.ends.append("by reset")


@pytest.fixture
def echo() -> Iterator[Echo]:
    """It serves one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Echo(listener)
        thread = threading.Thread(target=made.serve)
        thread.start()
        yield made
        with contextlib.suppress(OSError):  # for a test that has not connected
            socket.create_connection(made.address).close()
        thread.join(10)
        assert not thread.is_alive()


def talk(proxy: FaultProxy, words: bytes) -> bytes:
    """What comes back, to the end; ConnectionResetError where that is a reset."""
    with socket.create_connection(proxy.address, timeout=20) as client:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while data := client.recv(65536):
            got += data
        return got


@pytest.mark.parametrize(
    "way",
    [
        Way(),
        Way(slice_bytes=1),
        Way(delay_s=(0.0, 0.001), slice_bytes=100),
        Way(bytes_per_s=100_000),
        Way(hold_after=3000, cut_after=10_000),
    ],
)
def test_bytes_pass_unchanged(echo: Echo, way: Way) -> None:
    """However slowly and in whatever pieces, all bytes come in order, and the end with them."""
    words = TLS + bytes(range(256)) * 8
    with FaultProxy(echo.address, control=Faults(way, way)) as proxy:
        assert words == talk(proxy, words)
    assert ["in order"] == echo.ends


@pytest.mark.parametrize("after", [0, 1, 5, 700, 65536, 100_000])
@pytest.mark.parametrize("by_reset", [True, False])
def test_cut(echo: Echo, after: int, by_reset: bool) -> None:
    """A connection that is cut has passed so many bytes, and ends by a reset or in order."""
    there = Way(cut_after=after, cut_by_reset=by_reset)
    with FaultProxy(echo.address, control=Faults(there=there)) as proxy:
        with socket.create_connection(proxy.address, timeout=20) as client:
            sender = threading.Thread(target=send_all, args=(client, TLS * 200_000))
            sender.start()
            with contextlib.suppress(ConnectionResetError):
                while client.recv(65536):
                    pass
            sender.join()
        wait_until(lambda: echo.ends, 10, "the other end to be cut too")
    assert {True: {"by reset"}, False: {"in order", "by reset"}}[by_reset] >= set(echo.ends)


def send_all(client: socket.socket, words: bytes) -> None:
    """Sends as much as is taken."""
    with contextlib.suppress(OSError):
        client.sendall(words)


def test_hold_and_release(echo: Echo) -> None:
    """What is held comes when it is released, and the proxy says when it holds something."""
    with ThreadPoolExecutor(1) as threads:
        there = Way(hold_after=1000)
        with FaultProxy(echo.address, control=Faults(there=there)) as proxy:
            talking: Future[bytes] = threads.submit(talk, proxy, TLS * 5000)
            proxy.wait_for_held()
            assert not talking.done()
            proxy.release()
            assert TLS * 5000 == talking.result(20)


def test_faults_of_nodes_and_launchers(echo: Echo) -> None:
    """A connection that doesn't begin with TLS is a node's, and has the faults of those."""
    cut = Faults(there=Way(cut_after=0, cut_by_reset=False))
    with FaultProxy(echo.address, control=cut) as proxy:
        assert b"distrcomp node" == talk(proxy, b"distrcomp node")
