"""distrcomp.poller: sleeping on links, and being woken."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from distrcomp.frames import goodbye
from distrcomp.poller import READABLE, WRITABLE, Poller
from tests.distrcomp.links.kit import End, link_pair


@pytest.fixture
def poller() -> Iterator[Poller]:
    """A poller, closed at the end."""
    made = Poller()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[End, End]]:
    """Two ends of a link."""
    with link_pair("unix") as ends:
        yield ends


def test_nothing_to_do(poller: Poller, pair: tuple[End, End]) -> None:
    """An idle link gives nothing: it is writable, but nobody waits for that."""
    poller.watch(3, pair[0].link)
    assert poller.wait(0.0) == []


def test_readable(poller: Poller, pair: tuple[End, End]) -> None:
    """A link with something to read is told by its node, until it is read."""
    one, other = pair
    poller.watch(3, one.link)
    other.link.post([goodbye()])
    assert [poller.wait(None), poller.wait(None)] == [[(3, READABLE)]] * 2
    one.read()
    assert poller.wait(0.0) == []


def test_writable(poller: Poller, pair: tuple[End, End]) -> None:
    """A link with queued bytes is told as soon as some can go, and no more once all went."""
    one, other = pair
    one.link.post([bytes(2_000_000)])
    poller.watch(3, one.link)
    assert poller.wait(0.0) == []
    while one.link.queued_bytes:
        other.link._socket.recv(1_000_000)  # type: ignore[attr-defined]
        assert poller.wait(None) == [(3, WRITABLE)]
        one.link.flush()
    poller.watch(3, one.link)
    assert poller.wait(0.0) == []


def test_end_of_file(poller: Poller, pair: tuple[End, End]) -> None:
    """A link whose other end is gone is readable."""
    poller.watch(3, pair[0].link)
    pair[1].link.close()
    assert poller.wait(None) == [(3, READABLE)]


def test_unwatch(poller: Poller, pair: tuple[End, End]) -> None:
    """A link that is watched no more is not told of; doing it again does nothing."""
    poller.watch(3, pair[0].link)
    pair[1].link.post([goodbye()])
    poller.unwatch(3, pair[0].link)
    poller.unwatch(3, pair[0].link)
    assert poller.wait(0.0) == []


def test_wake_before(poller: Poller) -> None:
    """A wake, or many, before the wait end it at once; the next wait is a new one."""
    for _ in range(100_000):  # more than the pipe holds
        poller.wake()
    assert poller.wait(None) == []
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(poller.wait, None)
        poller.wake()
        assert waiting.result(60) == []


def test_watched_while_waiting(poller: Poller, pair: tuple[End, End]) -> None:
    """A link that is watched while another thread waits is heard by that wait."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(poller.wait, None)
        poller.watch(3, pair[0].link)
        pair[1].link.post([goodbye()])
        while (ready := waiting.result(60)) == []:
            waiting = threads.submit(poller.wait, None)
        assert ready == [(3, READABLE)]


def test_closed() -> None:
    """Waking a closed poller does nothing, and writes into nobody's descriptor."""
    poller = Poller()
    poller.close()
    poller.wake()
    poller.close()


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
                assert poller.wait(None) == []
            else:
                assert threads.submit(poller.wait, None).result(60) == []
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGUSR1, before)
