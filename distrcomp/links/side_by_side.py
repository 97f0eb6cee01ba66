"""Several places tried side by side, by threads: the first connection that is proven wins.

The next place is begun when the one before has failed, or has said nothing for a moment (as RFC
8305 has it); none is given up for being slow. A name is looked up in a thread, too, so a slow name
server keeps no address waiting; one address is tried once, however many names lead to it. Two
attempts may both come to the node that is meant: it takes one and closes the other (`accept`), so
there is never more than one proven connection. What is still going on beside the winner is shut
down, and closed by its own thread.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic

from .. import limits
from ..notices import Place

# How long one address is tried before the next one is tried beside it; a handshake takes 3 ms.
STAGGER_S = 0.2

Address = tuple[int, tuple[object, ...]]
"""What `socket.getaddrinfo` gives: a family, and what `connect` takes."""

Attempt = Callable[[Address, Callable[[socket.socket], None]], socket.socket]
"""Makes a proven connection, or raises OSError or LinkFailed's like; tells what it opens."""


class NoneProven(Exception):
    """No place led to a proven connection: why, by what was tried, as people read it."""

    def __init__(self, failures: dict[str, Exception]) -> None:
        super().__init__(failures)
        self.failures = failures


def first_proven(places: Sequence[Place], attempt: Attempt, deadline: float) -> socket.socket:
    """The first proven connection to any of `places`.

    Raises:
        NoneProven: all have failed, or the deadline has come.
    """
    race = _Race(attempt)
    try:
        return race.run(places, deadline)
    finally:
        race.end()


def resolve(place: Place, *, numeric: bool = False) -> list[Address]:
    """The addresses of a place; raises socket.gaierror."""
    flags = socket.AI_NUMERICHOST if numeric else 0
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def shown(host: str, port: object) -> str:
    """`host:port` for people, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Race:
    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._news: SimpleQueue[tuple[str, object]] = SimpleQueue()
        self._waiting: list[Address] = []
        self._tried: set[Address] = set()
        self._running: set[str] = set()
        self._failures: dict[str, Exception] = {}
        self._lock = threading.Lock()  # for the two that follow
        self._open: set[socket.socket] = set()
        self._is_over = False

    def run(self, places: Sequence[Place], deadline: float) -> socket.socket:
        for place in places:
            try:
                self._waiting += resolve(place, numeric=True)
            except OSError:
                self._spawn(self._look_up, shown(*place), place)
        if len(self._waiting) < len(places):  # a name may be what its network means one to use
            self._take(STAGGER_S)
        self._begin_next()
        while self._running and (left := deadline - monotonic()) > 0:
            connection = self._take(min(STAGGER_S, left) if self._waiting else left)
            if connection is not None:
                return connection
            self._begin_next()
        silent = {what: TimeoutError() for what in self._running}
        raise NoneProven({**self._failures, **silent})

    def end(self) -> None:
        """Has what still goes on end soon."""
        with self._lock:
            self._is_over = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Empty):
            while True:  # what came too late
                _, news = self._news.get_nowait()
                if isinstance(news, socket.socket):
                    news.close()

    def _begin_next(self) -> None:
        while self._waiting:
            address = self._waiting.pop(0)
            if address not in self._tried and len(self._tried) < limits.ADDRESSES_TRIED_MAX:
                self._tried.add(address)
                self._spawn(self._try, shown(str(address[1][0]), address[1][1]), address)
                return

    def _take(self, seconds: float) -> socket.socket | None:
        """Waits for one piece of news; a connection if that is what came."""
        try:
            what, news = self._news.get(timeout=seconds)
        except Empty:
            return None
        self._running.discard(what)
        if isinstance(news, socket.socket):
            return news
        if isinstance(news, list):
            self._waiting[:0] = news
        elif isinstance(news, Exception):
            self._failures[what] = news
        return None

    def _spawn(self, act: Callable[..., None], *arguments: object) -> None:
        self._running.add(str(arguments[0]))
        threading.Thread(target=act, args=arguments, name="distrcomp-dial", daemon=True).start()

    def _look_up(self, what: str, place: Place) -> None:
        try:
            self._news.put((what, resolve(place)))
        except Exception as error:  # noqa: BLE001  whoever waits for the news must get some
            self._news.put((what, error))

    def _try(self, what: str, address: Address) -> None:
        mine: list[socket.socket] = []

        def watch(connection: socket.socket) -> None:
            with self._lock:
                if self._is_over:
                    raise ConnectionAbortedError("another address was quicker")
                self._open.add(connection)
                mine.append(connection)

        try:
            connection = self._attempt(address, watch)
        except Exception as error:  # noqa: BLE001  the same
            self._forget(mine)
            self._news.put((what, error))
            return
        self._forget(mine)
        with self._lock:
            if self._is_over:
                connection.close()
            else:
                self._news.put((what, connection))

    def _forget(self, connections: list[socket.socket]) -> None:
        with self._lock:
            self._open.difference_update(connections)
