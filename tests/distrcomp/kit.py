"""Several engines in one process, with a thread to act for each, over each kind of link."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any

import pytest

from distrcomp.communicator import Communicator
from distrcomp.cores import have_a_core_each
from distrcomp.engine import Engine
from distrcomp.errors import NodeLost
from distrcomp.gate import CALL_FILES
from distrcomp.interrupts import Handler
from distrcomp.links import StreamLink
from distrcomp.links.local import Neighbours
from distrcomp.progress import Progress
from distrcomp.segment import create_segment, segment_bytes
from tests.leaks import LOOK_INTERVAL_S, wait_until

TIMEOUT_S = 60.0

STREAM, MEMORY, MIXED = "stream", "memory", "mixed"
"""How the nodes are linked: by socket pairs; by shared memory; nodes 0 and 1 by memory, the others
to each and all by socket pairs."""
KINDS = (STREAM, MEMORY)


class Nodes:
    """The engines of some nodes, node i on peer hi, and their world; see `nodes`.

    Attributes:
        wanted: who asked for a link to whom.
        woken: who asked its control thread to look at what is left over.
        worlds: by node.
    """

    def __init__(self, n_node: int, kind: str, spins: bool, threads: ThreadPoolExecutor) -> None:
        self.wanted: list[tuple[int, int]] = []
        self.woken: list[int] = []
        self._wakers: list[int] = []
        self.n_node = n_node
        self._threads = threads
        n_local = {STREAM: 0, MEMORY: n_node, MIXED: 2}[kind]
        shared = _share_memory(n_local)
        self.engines = [
            self._engine(node, shared[node] if node < n_local else None, spins)
            for node in range(n_node)
        ]
        self.worlds: list[Communicator] = []
        self.settle()

    def _engine(self, node: int, neighbours: Neighbours | None, spins: bool) -> Engine:
        return Engine(
            (node, self.n_node),
            lambda other: f"h{other}",
            lambda other: self.wanted.append((node, other)),
            lambda: self._wake(node),
            partial(Progress, neighbours=neighbours, spins=spins),
        )

    def settle(self, timeout: float | None = None) -> None:
        """Makes the worlds, with this default of the run for every wait."""
        self.worlds = [Communicator(engine, timeout=timeout) for engine in self.engines]

    def warm_up(self) -> None:
        """Sends from each to each, so that every short way is known."""
        for one in range(self.n_node):
            for other in range(self.n_node):
                self.send(one, other, None)
                self.receive(other, one)

    def communicators(self, number: int, members: tuple[int, ...]) -> dict[int, Communicator]:
        """A communicator of some of the nodes, as each member has it."""
        return {node: Communicator(self.engines[node], number, members) for node in members}

    def link(self, one: int, other: int) -> None:
        """Joins two nodes by a socket pair."""
        for node, there, end in zip((one, other), (other, one), socket.socketpair(), strict=True):
            assert self.engines[node].attach(there, StreamLink(end, there))

    def link_to_test(self, node: int, other: int) -> socket.socket:
        """Joins `node` to the test itself, which plays `other`."""
        ours, theirs = socket.socketpair()
        assert self.engines[node].attach(other, StreamLink(theirs, other))
        return ours

    def send(self, source: int, dest: int, value: Any, tag: int = 0) -> None:
        self.worlds[source].send(dest, value, tag)

    def receive(
        self, node: int, source: int = -1, tag: int = -1, timeout: float | None = TIMEOUT_S
    ) -> Any:
        return self.worlds[node].recv(source, tag, timeout=timeout)

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
        return self.engines[node]._progress.is_polling

    def _wake(self, node: int) -> None:
        self.woken.append(node)
        if self._wakers:
            os.eventfd_write(self._wakers[node], 1)

    @contextlib.contextmanager
    def control_threads(self) -> Iterator[None]:
        """Has a thread of each node write what its calls leave over, as in a real one."""
        self._wakers = [os.eventfd(0) for _ in self.engines]
        is_over = threading.Event()
        threads = [
            self.start(self._control, engine, waker, is_over)
            for engine, waker in zip(self.engines, self._wakers, strict=True)
        ]
        try:
            yield
        finally:
            is_over.set()
            wakers, self._wakers = self._wakers, []
            for waker in wakers:
                os.eventfd_write(waker, 1)
            outcome(threads)
            for waker in wakers:
                os.close(waker)

    def _control(self, engine: Engine, waker: int, is_over: threading.Event) -> None:
        while not is_over.is_set():
            poll = select.poll()
            poll.register(waker, select.POLLIN)
            for descriptor, mask in engine.leftovers():
                poll.register(descriptor, mask)
            ready = [descriptor for descriptor, _ in poll.poll()]
            if waker in ready:
                os.eventfd_read(waker)
            if ready != [waker]:
                engine.flush_leftovers()

    def flush_leftovers(self, until: Callable[[], object]) -> None:
        """What the nodes' control threads do, until the condition holds."""

        def flush_and_look() -> bool:
            while any(self._flush_some(engine) for engine in self.engines) and not until():
                pass
            return bool(until())

        wait_until(flush_and_look, TIMEOUT_S, "the leftovers' arrival")

    def _flush_some(self, engine: Engine) -> bool:
        leftovers = engine.leftovers()
        poll = select.poll()
        for descriptor, mask in leftovers:
            poll.register(descriptor, mask)
        if not leftovers or not poll.poll(LOOK_INTERVAL_S * 1000):
            return False
        engine.flush_leftovers()
        return True

    def break_off(self, node: int, why: str) -> None:
        """Ends a node without goodbye; the launcher tells the others."""
        self.engines[node].close(in_order=False)
        for other, engine in enumerate(self.engines):
            if other != node:
                engine.node_ended(node, why)


def _share_memory(n_local: int) -> list[Neighbours]:
    """By local id, the others as a node sees them."""
    if not n_local:
        return []
    segment = create_segment(segment_bytes(n_local))
    bells = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(n_local)]
    helps = have_a_core_each(n_local)
    try:
        return [
            Neighbours(
                os.dup(segment), range(n_local), here, [os.dup(bell) for bell in bells], helps
            )
            for here in range(n_local)
        ]
    finally:
        for descriptor in (segment, *bells):
            os.close(descriptor)


@contextlib.contextmanager
def nodes(
    n_node: int, kind: str = STREAM, *, linked: bool = True, spins: bool = False
) -> Iterator[Nodes]:
    """`n_node` engines, each linked to each; closed at the end."""
    with ThreadPoolExecutor(32) as threads:
        made = Nodes(n_node, kind, spins, threads)
        try:
            if linked:
                for one in range(n_node):
                    for other in range(one):
                        if not made.engines[other].are_near([one]):
                            made.link(one, other)
                made.warm_up()
            yield made
        finally:
            for engine in made.engines:
                engine.close(in_order=False)


def ctrl_c(engine: Engine) -> Callable[[int, FrameType | None], None]:
    """The handler of SIGINT that a node has."""
    return partial(engine.signals.arrive, signal.default_int_handler)


class Interrupter:
    """Sends signals to one engine, whose calls the main thread makes."""

    def __init__(self, engine: Engine, handle: Handler = signal.default_int_handler) -> None:
        self._engine = engine
        self._handle = handle
        self.count = 0

    def __call__(self, number: int, stack: FrameType | None) -> None:
        """The handler. Outside of our calls it does nothing: Python may lose a result there."""
        inside = stack
        while inside is not None and inside.f_code.co_filename not in CALL_FILES:
            inside = inside.f_back
        if inside is not None and not self._engine.gate.interrupted:
            self.count += 1
            self._engine.signals.arrive(self._handle, number, stack)


@contextlib.contextmanager
def handler(number: int, handle: Any) -> Iterator[None]:
    """Has a signal handled so for a while."""
    before = signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextlib.contextmanager
def interrupted_once_waiting(made: Nodes, node: int) -> Iterator[None]:
    """Ctrl-C comes once the main thread waits in a call of `node`; others of it must not begin."""
    engine = made.engines[node]
    was_polling = made.sleeps(node)

    def later() -> None:
        if was_polling:  # ours waits for the other thread, without being seen
            wait_until(lambda: engine._progress.condition._waiters, TIMEOUT_S, "the wait")
        else:
            wait_until(lambda: made.sleeps(node), TIMEOUT_S, "the wait")
        os.kill(os.getpid(), signal.SIGINT)

    with handler(signal.SIGINT, ctrl_c(engine)):
        typed = made.start(later)
        yield
        typed.result(TIMEOUT_S)


def outcome(acts: Sequence[Future[Any]]) -> list[Any]:
    """What became of them all."""
    return [act.result(TIMEOUT_S) for act in acts]


def loss(act: Callable[[], Any] | Future[Any]) -> str:
    """How the act says that a node is lost."""
    with pytest.raises(NodeLost) as caught:
        act.result(TIMEOUT_S) if isinstance(act, Future) else act()
    return str(caught.value)
