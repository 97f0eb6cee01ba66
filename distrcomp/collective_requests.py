"""Collectives as requests: they go on inside whatever call of distrcomp their node is in.

What an algorithm waits for is a posted receive; once that is matched, the algorithm's next step is
due (`Mesh._run_due`) and is taken by the next thread that waits or looks. So a node that waits for
something else forwards what its bcast has to forward (MPI-4.1, 6.12).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from .codec import encode
from .collective_path import CollectivePath, Watch
from .collectives import Algorithm
from .collectives.kinds import described, turn_of
from .engine import Sending
from .errors import CollectiveMismatch, NodeLost, RecvTimeout
from .mailbox import Receive
from .requests import Request


class StepwisePort:
    """The others, for an algorithm that never waits; see collectives.Port."""

    def __init__(self, path: CollectivePath, tag: int) -> None:
        self._path = path
        self._tag = tag
        self.here: int = path.node_id
        self.size: int = path.n_node
        self.machines = path.machines()
        self.sendings: list[Sending] = []

    def name(self, node: int) -> str:
        """See LongPath."""
        return self._path._name(node)

    def send(self, node: int, value: Any) -> None:
        """Begins to send."""
        self.sendings.append(self._path._post(node, self._tag, encode(value)))


class CollectiveRequest(Request):
    """A request of `ibcast`, `iallreduce` and the like.

    It can't be taken back, for others need this node's part: a wait whose time is over, or a `with`
    block that an exception ends, leaves it going on, and what comes may still be written to `out`.
    Once it can't be done any more (NodeLost, CollectiveMismatch) nothing is.
    """

    def __init__(
        self,
        path: CollectivePath,
        kind: int,
        root: int,
        algorithm: Callable[..., Algorithm],
        *args: Any,
    ) -> None:
        super().__init__(path._engine, path._timeout)
        self._path = path
        self._tag = path.enter(kind, root)
        self._port = StepwisePort(path, self._tag)
        self._course = algorithm(self._port, *args)
        self._wanted: Receive | None = None
        self._out: Any = None
        self._is_over_here = False
        self._watcher: Watch | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        path.open_turns.add(turn_of(self._tag))
        self._step()

    def described(self) -> str:
        return f"i{described(self._tag)}"

    def _step(self) -> None:
        """Goes on as far as it can without waiting."""
        if self._is_over_here:  # it was given up when this was due already
            return
        path = self._path
        try:
            value = None if self._wanted is None else path._open(self._wanted, self._out)
            source = self._course.send(value)
            node, self._out = (source, None) if isinstance(source, int) else source
            self._wanted = path._wanted(node, self._tag)
            self._wanted.then = self._step
            self._post(self._wanted)
        except StopIteration as end:
            self._value = end.value
            self._end()
        except BaseException as error:
            self._error = error
            self._end()
            if not isinstance(error, Exception):
                raise
        self._engine.flush_later()

    def _post(self, wanted: Receive) -> None:
        self._engine.post_receive(wanted)
        if self._is_over_here:  # another thread has given it up meanwhile
            self._engine.withdraw(wanted)

    def _end(self) -> None:
        self._is_over_here = True
        self._path.open_turns.discard(turn_of(self._tag))

    def _is_done(self) -> bool:
        if not self._is_over_here:
            return False
        return self._error is not None or all(map(self._engine.is_over, self._port.sendings))

    def _check(self) -> None:
        if self._wanted is not None and self._wanted.message is None:
            self._engine.check_source(self._wanted)
        for sending in self._port.sendings:
            self._engine.check_sending(sending)

    def _result(self, timeout: float | None) -> Any:
        limit = self._default_timeout if timeout is None else timeout
        deadline = None if limit is None else monotonic() + limit
        engine = self._engine
        wait = engine.begin_wait(self._wakers, self._path.awaited(self._tag), deadline)
        try:
            if not engine.wait_for(self._is_done, self._check, deadline, True, self._watch, wait):
                raise self._timeout_error(limit)
        except NodeLost as lost:
            self._error = lost
        finally:
            engine.end_wait(wait)
        if self._error is not None:
            self._was_taken = True
            self._let_go()
            raise self._error
        return self._value

    def _wakers(self) -> list[int]:
        wanted = self._wanted
        is_open = wanted is not None and wanted.message is None and not self._is_over_here
        wakers = [wanted.source] if wanted is not None and is_open else []
        return wakers + [sending.dest for sending in self._port.sendings]

    def _watch(self) -> float | None:
        if self._is_over_here:
            return None
        if self._watcher is None:
            self._watcher = Watch(self._path, self._tag)
        try:
            return self._watcher.look()
        except CollectiveMismatch as mismatch:
            self._error = mismatch
            self._give_up()
            return None

    def _end_if_lost(self) -> None:
        try:
            super()._end_if_lost()
        except NodeLost as lost:
            self._error = lost
            raise

    def _give_up(self) -> None:
        """Nothing more comes of it here, nor into `out`."""
        if not self._is_over_here:
            self._end()
            if self._wanted is not None:
                self._engine.withdraw(self._wanted)

    def _let_go(self) -> None:
        self._give_up()
        self._abandon()

    def _abandon(self) -> None:
        for sending in self._port.sendings:
            self._engine.let_go(sending)

    def _timeout_error(self, timeout: float | None) -> Exception:
        return RecvTimeout(described(self._tag), timeout or 0.0, "", "the others")


def wait_for_begun(path: CollectivePath) -> None:
    """Waits until every collective that was begun here has sent and received all that it will.

    Raises:
        NodeLost, CollectiveMismatch, RecvTimeout: that can't be, or takes too long.
    """
    engine, timeout = path._engine, path._timeout
    deadline = None if timeout is None else monotonic() + timeout
    for turn in sorted(path.open_turns):

        def is_over(turn: int = turn) -> bool:
            return turn not in path.open_turns

        known = path.place_of(turn)
        watch = None if known is None else Watch(path, known[0]).look
        check = partial(engine.check_nodes, path._members, path._number)
        if not engine.wait_for(is_over, check, deadline, True, watch):
            what = described(known[0]) if known is not None else "a collective that was begun"
            raise RecvTimeout(what, timeout or 0.0, "", "the others")
