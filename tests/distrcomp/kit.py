"""Several engines in one process, joined by socket pairs, with a thread to act for each."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from distrcomp.codec import decode
from distrcomp.engine import Engine
from distrcomp.links import StreamLink
from tests.leaks import LOOK_INTERVAL_S, wait_until

TIMEOUT_S = 60.0


class Nodes:
    """The engines of some nodes, node i on peer hi; unlinked pairs ask in `wanted` for a link."""

    def __init__(self, n_node: int, threads: ThreadPoolExecutor) -> None:
        self.wanted: list[tuple[int, int]] = []
        self.woken: list[int] = []
        self.engines = [self._engine(node, n_node) for node in range(n_node)]
        self._threads = threads

    def _engine(self, node: int, n_node: int) -> Engine:
        return Engine(
            node,
            n_node,
            lambda other: f"h{other}",
            lambda other: self.wanted.append((node, other)),
            lambda: self.woken.append(node),
        )

    def link(self, one: int, other: int) -> None:
        """Joins two nodes."""
        for node, there, end in zip((one, other), (other, one), socket.socketpair(), strict=True):
            assert self.engines[node].attach(there, StreamLink(end))

    def link_to_test(self, node: int, other: int) -> socket.socket:
        """Joins `node` to the test itself, which plays `other`."""
        ours, theirs = socket.socketpair()
        assert self.engines[node].attach(other, StreamLink(theirs))
        return ours

    def send(self, source: int, dest: int, value: Any, tag: int = 0) -> None:
        self.engines[source].send(dest, 0, tag, value)

    def receive(
        self, node: int, source: int = -1, tag: int = -1, timeout: float | None = TIMEOUT_S
    ) -> Any:
        message = self.engines[node].receive(0, source, tag, timeout)
        return decode(message.codec, message.meta, message.buffers)

    def start(self, act: Callable[..., Any], *args: Any) -> Future[Any]:
        """Acts in a thread of its own."""
        return self._threads.submit(act, *args)

    def start_and_wait(self, node: int, act: Callable[..., Any], *args: Any) -> Future[Any]:
        """Starts an act of `node` and returns once it waits in the kernel."""
        future = self.start(act, *args)
        wait_until(lambda: self.sleeps(node) or future.done(), TIMEOUT_S, f"node {node} waiting")
        return future

    def sleeps(self, node: int) -> bool:
        """Whether some thread of `node` waits in the kernel."""
        return self.engines[node]._polling

    def flush_leftovers(self, until: Callable[[], object]) -> None:
        """What the nodes' control threads do, until the condition holds."""

        def flush_and_look() -> bool:
            while leftovers := [each for engine in self.engines for each in engine.leftovers()]:
                if not select.select([], leftovers, [], LOOK_INTERVAL_S)[1]:
                    break
                for engine in self.engines:
                    engine.flush_leftovers()
            return bool(until())

        wait_until(flush_and_look, TIMEOUT_S, "the leftovers' arrival")


@contextlib.contextmanager
def nodes(n_node: int, *, linked: bool = True) -> Iterator[Nodes]:
    """`n_node` engines, each linked to each; closed at the end."""
    with ThreadPoolExecutor(16) as threads:
        made = Nodes(n_node, threads)
        if linked:
            for one in range(n_node):
                for other in range(one):
                    made.link(one, other)
        try:
            yield made
        finally:
            for engine in made.engines:
                engine.close(in_order=False)
