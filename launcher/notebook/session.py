"""The living nodes of a notebook, as the notebook sees them.

The run goes on in a thread of its own; what nodes write comes there, and who waits for a cell waits
here for a condition. A session ends when a node does, by `stop`, and with the process, for then the
guardian ends what a kill leaves.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import limits
from ..calling import request_from
from ..errors import BadUsage, NodesEnded
from ..run.background import BackgroundRun
from ..run.output import NodeOutput
from ..run.plain import node_list
from ..run.request import Display, Request
from ..run.sinks import STDERR, STDOUT, Sinks
from ..run.stdin import FedStdin
from ..run.table import View
from .answers import UNREADABLE, Answer, MarkerFinder, order_frame


@dataclass
class Cell:
    """One order, and what has come of it.

    Attributes:
        answers: of each node that has answered.
        said: what there is to say beside what nodes print.
    """

    serial: int
    answers: dict[int, Answer] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


class _View(View):
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def say(self, text: str) -> None:
        self._say(text)


class _CellSinks(Sinks):
    """Hands output to the session, which finds the markers in it."""

    def __init__(
        self, n_node: int, take: Callable[[int, int, bytes], None], end: Callable[[int], None]
    ) -> None:
        super().__init__(n_node, "none", None, lambda *_: None)
        self._take = take
        self._end = end

    def take(self, node: int, stream: int, data: bytes) -> None:
        """The next bytes of one stream of one node."""
        self._take(node, stream, data)

    def end_node(self, node: int) -> None:
        """A node has ended."""
        self._end(node)


class Session:
    """Living nodes; made, they are being started.

    Args:
        request: of a run of `distrcomp.cells`.

    Attributes:
        outputs: what each node has printed since `take_outputs`.
        cell: the latest order, and what has come of it.
    """

    def __init__(self, request: Request) -> None:
        self._is_stopping = False
        self._is_disturbed = False  # whether messages of a cell that failed may be on their way
        self._token = secrets.token_hex(16).encode()
        self._changed = threading.Condition()
        self._stdin = FedStdin()
        self._finders: dict[tuple[int, int], MarkerFinder] = {}
        self._marks: dict[tuple[int, int], int] = {}
        self.cell = Cell(0)
        self._bodies: dict[int, Answer] = {}
        self._left: list[int] = []
        self.outputs: list[NodeOutput] = []
        display = Display(_View(self._say), self._open_sinks, self._stdin.read)
        self._background = BackgroundRun(request, display, self._on_end)
        self._background.start()

    @property
    def n_node(self) -> int:
        """How many nodes there are; 0 before that is decided."""
        return len(self.outputs)

    @property
    def is_alive(self) -> bool:
        """Whether orders are obeyed."""
        return not self._background.has_ended

    @property
    def peers(self) -> list[str]:
        """The machine of each node."""
        preparation = self._background.preparation
        if preparation is None:
            return []
        return [preparation.connections[peer].peer.label for peer in preparation.plan.placement]

    @property
    def is_here(self) -> bool:
        """Whether all nodes run on this machine."""
        preparation = self._background.preparation
        return preparation is not None and all(
            preparation.connections[peer].peer.is_here for peer in preparation.plan.placement
        )

    def begin(self) -> None:
        """Waits until all nodes obey; raises LauncherError, NodesEnded."""
        self.order({"act": "begin", "token": self._token})

    def order(self, order: dict[str, Any], show: Callable[[Cell], None] = lambda _: None) -> Cell:
        """Has all nodes obey, and waits until each has answered.

        Ctrl-C interrupts the nodes; those that have not come back some seconds later are ended.

        Args:
            order: what `distrcomp.cells` understands.
            show: called from time to time as long as it goes on.

        Raises:
            NodesEnded: a node has ended.
            LauncherError: they could not be started.
            KeyboardInterrupt: before they were started.
        """
        with self._changed:
            self.cell = Cell(self.cell.serial + 1)
        self._stdin.feed(
            order_frame({**order, "serial": self.cell.serial, "renews": self._is_disturbed})
        )
        self._is_disturbed = True
        interrupted_at: float | None = None
        is_reminded = False
        while not self._is_answered():
            try:
                with self._changed:
                    if not self._is_answered():
                        self._changed.wait(limits.CELL_SHOW_S)
                show(self.cell)
            except KeyboardInterrupt:
                if interrupted_at is not None or order["act"] == "begin":
                    self._give_up("at your second Ctrl-C")
                self._background.interrupt_programs()
                interrupted_at = time.monotonic()
            if interrupted_at is not None:
                is_reminded = self._press(time.monotonic() - interrupted_at, is_reminded)
        if len(self.cell.answers) < self.n_node or not self.n_node:
            self._raise_end()
        self._is_disturbed = any("error" in answer for answer in self.cell.answers.values())
        return self.cell

    def take_outputs(self) -> list[NodeOutput]:
        """What each node has printed since the last time."""
        with self._changed:
            taken, self.outputs = self.outputs, [_output() for _ in self.outputs]
        return taken

    def stop(self) -> None:
        """Ends the nodes, in order if they are at rest, and waits for it."""
        self._is_stopping = True
        self._stdin.end()
        if self._is_answered():
            self._background.wait(limits.CELL_HEED_S)
        for _ in range(2):
            if self.is_alive:
                self._background.interrupt()
                self._background.wait(limits.CELLS_STOP_S)

    def _press(self, waited_s: float, is_reminded: bool) -> bool:
        """Sees to it that nodes heed an interrupt; whether they have been reminded of it.

        That reaches a node which had not begun the cell when the first one came.
        """
        if waited_s > limits.CELL_HEED_S:
            late = [node for node in range(self.n_node) if node not in self.cell.answers]
            self._give_up(
                f"{node_list(late)} did not heed the interrupt within {limits.CELL_HEED_S:g} s"
            )
        if waited_s > limits.CELL_HEED_S / 2 and not is_reminded:
            self._background.interrupt_programs()
            return True
        return is_reminded

    def _give_up(self, why: str) -> None:
        self._background.interrupt()
        self._background.interrupt()
        self._background.wait(limits.CELLS_STOP_S)
        raise NodesEnded(f"the nodes have ended: {why}")

    def _raise_end(self) -> None:
        result, _ = self._background.outcome()
        cause = result.cause
        story = "they have come to their end" if cause is None else cause.headline
        if self._left:
            story = f"a cell has ended the process of {node_list(sorted(self._left))}"
        traceback = "" if cause is None or not cause.traceback else f"\n{cause.traceback}"
        raise NodesEnded(f"the nodes have ended: {story}{traceback}", result)

    def _is_answered(self) -> bool:
        is_whole = bool(self.n_node) and len(self.cell.answers) == self.n_node
        return is_whole or self._background.has_ended

    # --- in the run's thread ---------------------------------------------------------------------

    def _open_sinks(self, n_node: int) -> Sinks:
        for node in range(n_node):
            for stream in (STDOUT, STDERR):
                self._finders[node, stream] = MarkerFinder(self._token)
        with self._changed:
            self.outputs = [_output() for _ in range(n_node)]
        return _CellSinks(n_node, self._take, self._take_end)

    def _take(self, node: int, stream: int, data: bytes) -> None:
        for found in self._finders[node, stream].feed(data):
            with self._changed:
                if isinstance(found, bytes):
                    self.outputs[node].add(found, stderr=stream == STDERR)
                else:
                    self._take_answer(node, stream, found)

    def _take_answer(self, node: int, stream: int, answer: Answer) -> None:
        """An answer is whole when its marks have come on both streams: all output is there then."""
        if answer["serial"] == UNREADABLE:
            answer = {"serial": self.cell.serial, "error": "its answer can't be read"}
        self._marks[node, stream] = answer["serial"]
        if stream == STDOUT:
            self._bodies[node] = answer
        both = [self._marks.get((node, each)) for each in (STDOUT, STDERR)]
        if both == [self.cell.serial] * 2:
            self.cell.answers[node] = self._bodies[node]
            self._changed.notify_all()

    def _take_end(self, node: int) -> None:
        """A node has ended: even if it ended well, nobody answers in its place."""
        if not self._is_stopping and node not in self._left and self._background.has_finished(node):
            self._left.append(node)
            self._background.interrupt()

    def _say(self, text: str) -> None:
        """The run has something to say: nodes that wait for each other, which nothing else ends."""
        with self._changed:
            self.cell.said.append(text)
        self._background.interrupt_programs()

    def _on_end(self) -> None:
        with self._changed:
            self._changed.notify_all()


_NOT_OF_CELLS = ("--stdin", "--output", "--output-dir", "--report", "--trace")


def _output() -> NodeOutput:
    return NodeOutput(limits.CELL_OUTPUT_BYTES, limits.CELL_OUTPUT_BYTES, advice="")


def request_for(words: list[str]) -> Request:
    """The request for the nodes of a notebook, with the options of `distrcomp run`.

    Raises:
        BadUsage: an option that is none, or a program, of which cells are none.
    """
    if any(word in ("-m", "-c", ":", "--") for word in words):
        raise BadUsage("%%nodes takes the options of `distrcomp run`, and no program")
    for word in words:
        if word.partition("=")[0] in _NOT_OF_CELLS:
            raise BadUsage(f"{word} says what cells decide: they have the output, and stdin")
    return request_from(["--on-deadlock", "report", *words, "-m", "distrcomp.cells"])
