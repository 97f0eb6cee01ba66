"""distrcomp.poller: sleeping on links, and being woken."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from distrcomp.frames import Message
from distrcomp.links import StreamLink
from distrcomp.poller import BELL, READABLE, WOKEN, WRITABLE, Poller


@pytest.fixture
def poller() -> Iterator[Poller]:
    """A poller, closed at the end."""
    made = Poller()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[StreamLink, StreamLink]]:
    """Two ends of a link, neither of which blocks."""
    one, other = (StreamLink(end, 0) for end in socket.socketpair())
    yield one, other
    one.close()
    other.close()


Pair = tuple[StreamLink, StreamLink]
WAS_WOKEN = [(WOKEN, READABLE)]


def say(link: StreamLink, nbytes: int = 1) -> None:
    """Posts a message."""
    link.post(Message(0, 0, 0, 1, b"", [bytes(nbytes)]))


def test_nothing_to_do(poller: Poller, pair: Pair) -> None:
    """An idle link gives nothing: it is writable, but nobody waits for that."""
    poller.watch(3, pair[0].fileno(), READABLE)
    assert len(poller) == 1
    assert poller.wait(0.0) == []


def test_readable(poller: Poller, pair: Pair) -> None:
    """A link with something to read is told by its node, until it is read."""
    one, other = pair
    poller.watch(3, one.fileno(), READABLE)
    say(other)
    assert [poller.wait(None), poller.wait(None)] == [[(3, READABLE)]] * 2
    one.receive(10)
    assert poller.wait(0.0) == []


def test_writable(poller: Poller, pair: Pair) -> None:
    """A link that can be written is told if that was asked for, and no more afterwards."""
    one, other = pair
    say(one, 2_000_000)
    poller.watch(3, one.fileno(), READABLE | WRITABLE)
    assert poller.wait(0.0) == []
    while one.queued_bytes:
        other._socket.recv(1_000_000)
        assert poller.wait(None) == [(3, WRITABLE)]
        one.flush()
    poller.watch(3, one.fileno(), READABLE)
    assert poller.wait(0.0) == []


def test_end_of_file(poller: Poller, pair: Pair) -> None:
    """A link whose other end is gone is readable."""
    poller.watch(3, pair[0].fileno(), READABLE)
    pair[1].close()
    ((node, mask),) = poller.wait(None)
    assert (node, bool(mask & READABLE)) == (3, True)


def test_held_link(poller: Poller, pair: Pair) -> None:
    """A link that is watched for nothing is not told of, until it is watched again."""
    poller.watch(3, pair[0].fileno(), 0)
    say(pair[1])
    assert poller.wait(0.0) == []
    poller.watch(3, pair[0].fileno(), READABLE)
    assert poller.wait(None) == [(3, READABLE)]


def test_unwatch(poller: Poller, pair: Pair) -> None:
    """A link that is watched no more is not told of; doing it again does nothing."""
    poller.watch(3, pair[0].fileno(), READABLE)
    say(pair[1])
    poller.unwatch(pair[0].fileno())
    poller.unwatch(pair[0].fileno())
    assert (len(poller), poller.wait(0.0)) == (0, [])


def test_bell(poller: Poller) -> None:
    """A doorbell is told as such, until it is silent; it is no link."""
    bell = os.eventfd(0)
    try:
        poller.watch_bell(bell)
        assert (len(poller), poller.wait(0.0)) == (0, [])
        os.eventfd_write(bell, 1)
        assert poller.wait(None) == [(BELL, READABLE)]
        os.eventfd_read(bell)
        assert poller.wait(0.0) == []
    finally:
        os.close(bell)


def test_wake_before(poller: Poller) -> None:
    """A wake, or many, before the wait end it at once; the next wait is a new one."""
    for _ in range(100_000):  # more than the pipe holds
        poller.wake()
    assert poller.wait(None) == WAS_WOKEN
    assert poller.wait(0.0) == []
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(poller.wait, None)
        poller.wake()
        assert waiting.result(60) == WAS_WOKEN


def test_watched_while_waiting(poller: Poller, pair: Pair) -> None:
    """A link that is watched while another thread waits is heard once that one is woken."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(poller.wait, None)
        poller.watch(3, pair[0].fileno(), READABLE)
        poller.wake()
        say(pair[1])
        while (ready := waiting.result(60)) == WAS_WOKEN:
            waiting = threads.submit(poller.wait, None)
        assert ready == [(3, READABLE)]


def test_closed() -> None:
    """Waking a closed poller does nothing, and writes into nobody's descriptor."""
    poller = Poller()
    poller.close()
    poller.wake()
    poller.close()
    with poller.woken_by_signals():
        pass


@pytest.mark.parametrize("polls", ["main", "other"])
def test_signals(poller: Poller, polls: str) -> None:
    """A signal wakes the poller even where another thread takes it; then all is as before.

    The thread that takes it is this one's child, so that no system call of ours is interrupted.
    """
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        with ThreadPoolExecutor(1) as threads, poller.woken_by_signals():
            threads.submit(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGUSR1]).result(60)
            threads.submit(os.kill, os.getpid(), signal.SIGUSR1).result(60)
            if polls == "main":
                assert poller.wait(None) == WAS_WOKEN
            else:
                assert threads.submit(poller.wait, None).result(60) == WAS_WOKEN
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGUSR1, before)


def test_signals_of_the_program(poller: Poller) -> None:
    """Its own wakeup descriptor gets the numbers of the signals that came during a wait."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    reader.setblocking(False)
    handlers = {
        number: signal.signal(number, lambda *_: None)
        for number in (signal.SIGUSR1, signal.SIGUSR2)
    }
    before = signal.set_wakeup_fd(writer.fileno())
    try:
        with poller.woken_by_signals():
            poller.wake()
            for number in handlers:
                signal.raise_signal(number)
            assert set(poller.wait(None)) == set(WAS_WOKEN)
        assert list(reader.recv(10)) == [signal.SIGUSR1, signal.SIGUSR2]
        assert poller.wait(0.0) == []
        with poller.woken_by_signals():
            assert poller.wait(0.0) == []
        signal.raise_signal(signal.SIGUSR1)
        assert list(reader.recv(10)) == [signal.SIGUSR1]
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def test_signals_of_a_program_that_has_closed_its_descriptor(poller: Poller) -> None:
    """There is nobody to tell, and the wait is over as always."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handler = signal.signal(signal.SIGUSR1, lambda *_: None)
    before = signal.set_wakeup_fd(writer)
    try:
        with poller.woken_by_signals():
            os.close(reader)
            os.close(writer)
            signal.raise_signal(signal.SIGUSR1)
            assert poller.wait(None) == WAS_WOKEN
        assert poller.wait(0.0) == []
        assert signal.set_wakeup_fd(before) == -1
    finally:
        signal.signal(signal.SIGUSR1, handler)
