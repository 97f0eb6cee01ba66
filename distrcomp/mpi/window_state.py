"""What the handles of one window share, and how its messages move.

A window has a communicator of its own, on whose service its messages travel (see
`window_protocol`), and no thread: operations on a node's window are done while the program of
that node is in any call of distrcomp; a `sleep` or a long computation holds them up. That is the
progress that MPI asks for (MPI-4.1, 12.7.3), and no more. What waits here moves messages meanwhile,
so two nodes that wait for each other's windows both go on.

The protocol is used under `_lock`, for the handler of messages may run in another thread of this
node; an answer is posted after the lock was let go. What goes wrong in the handler has no caller to
raise to: the next wait raises it.
"""

from __future__ import annotations

import atexit
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import DistrcompError
from ..limits import SEND_BUFFER_BYTES
from .checks import is_below
from .errors import ERR_OP, ERR_RANK, ERR_RMA_RANGE, ERR_RMA_SYNC, MPIException
from .operations import look
from .window_epochs import Epochs, Event, WrongEpoch
from .window_messages import Kind, Message
from .window_protocol import Combine, Outgoing, Protocol, Regions
from .worlds import COMM_SELF

if TYPE_CHECKING:
    from ..communicator import Communicator

# What an operation takes on its way besides its data.
_MESSAGE_BYTES = 256


class WinState:
    """One node's part in a window.

    Args:
        core: the window's own communicator.
        combine: how accumulated data is combined.

    Attributes:
        memory: this node's window, as a program sees it; `base` is its address.
        flavor, disp_unit: as it was made.
        sizes, disp_units: of all nodes' windows; in a dynamic window sizes mean nothing.
        parts: of a shared window, the memory of each node.
        granted: whose windows this node holds a lock of; `checks_locks` is false where Lock_all was
            told that nobody holds a conflicting one.
    """

    def __init__(self, core: Communicator, combine: Combine) -> None:
        self.core = core
        self.me = core.node_id
        self.regions = Regions()
        self.protocol = Protocol(self.regions, combine, (ERR_RMA_RANGE, ERR_OP))
        self.epochs = Epochs()
        self.name = ""
        self.attributes: dict[int, Any] = {}
        self.errhandler: Any = None
        self.hints: dict[str, str] = {}
        self.memory: Any = None
        self.base = 0
        self.flavor = 0
        self.disp_unit = 1
        self.sizes: list[int] = []
        self.disp_units: list[int] = []
        self.parts: list[memoryview] | None = None
        self.granted: set[int] = set()
        self.checks_locks = True
        self.attached: dict[int, Any] = {}
        self._on_the_way: Counter[int] = Counter()  # bytes, by target
        self._failure: BaseException | None = None
        self._lock = threading.RLock()
        _open[self] = None
        _hear_of_the_end()
        core.serve(self._arrived)

    def close(self) -> None:
        """Lets go of all memory."""
        _open.pop(self, None)
        self.regions.clear()
        self.memory = self.parts = None
        self.attached.clear()

    # --- epochs -----------------------------------------------------------------------------------

    def follow(self, event: Event, target: int | None = None) -> None:
        """Notes a call of the program.

        Raises:
            MPIException: ERR_RMA_SYNC; it may not be made now.
        """
        try:
            self.epochs.call(event, target)
        except WrongEpoch as error:
            raise MPIException(ERR_RMA_SYNC, str(error)) from error

    def check_rank(self, rank: int) -> None:
        """Raises MPIException, ERR_RANK, where there is no such node."""
        if not is_below(rank, self.core.n_node):
            raise MPIException(ERR_RANK, f"the window has {self.core.n_node} nodes, no node {rank}")

    def lock(self, rank: int, kind: Kind) -> None:
        """Asks for a lock; `wait_answered` waits for it where the program may use the memory."""
        self.granted.add(rank)
        if rank == self.me or self.parts is not None:
            self.ask(rank, kind)
        else:
            self.post(rank, Message(kind))

    # --- messages ---------------------------------------------------------------------------------

    def operate(
        self, target: int, message: Message, take: Callable[[memoryview], None] | None = None
    ) -> int:
        """Has an operation done at `target`; its serial.

        Args:
            take: is given the data of the answer.
        """
        with self._lock:
            message = self.protocol.operate(target, message, take)
        self.post(target, message)
        self._bound(target, len(message.data))
        return message.serial

    def _bound(self, target: int, nbytes: int) -> None:
        """Waits for the target where too much is on its way there: it may be computing."""
        if target == self.me:
            return
        self._on_the_way[target] += nbytes + _MESSAGE_BYTES
        if self._on_the_way[target] > SEND_BUFFER_BYTES:
            self.ask(target, Kind.FLUSH)
            self.wait(lambda: self.protocol.is_answered(target), (target,))

    def ask(self, target: int, kind: Kind) -> None:
        """Asks for something that is answered; `wait_answered` waits for it."""
        with self._lock:
            message = self.protocol.ask(target, kind)
            self._on_the_way[target] = 0  # what is asked now is answered when all of it is done
        self.post(target, message)

    def post(self, dest: int, message: Message) -> None:
        """Sends a message, or does what it says where it is to this node."""
        if dest != self.me:
            self.core.post_service(dest, message.to_bytes())
            return
        with self._lock:
            answers = self.protocol.handle(dest, message)
        self._post_all(answers)

    def wait_answered(self, target: int | None = None) -> None:
        """Waits for all answers of `target`, or of everybody.

        Raises:
            MPIException: the target has refused an operation.
        """
        asked = self.protocol.awaited_of() if target is None else (target,)
        self.wait(lambda: self.protocol.is_answered(target), asked)
        self.raise_refusal(target)

    def raise_refusal(self, target: int | None) -> None:
        """Raises MPIException if `target`, or anybody, has refused an operation; once."""
        with self._lock:
            error = self.protocol.take_error(target)
        if error:
            whose = "some node" if target is None else f"node {target}"
            raise MPIException(error, f"refused by {whose}, on whose window it was to be done")

    def wait(self, condition: Callable[[], bool], nodes: Iterable[int] = ()) -> None:
        """Waits until `condition` holds, moving messages meanwhile, and at least once.

        Args:
            nodes: on whom it depends.

        Raises:
            NodeLost: one of them has ended.
        """
        if condition():
            if self.core.n_node > 1:
                look(())
        else:
            self.core.await_service(lambda: condition() or self._failure is not None, nodes)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def is_awaited(self, serial: int) -> bool:
        """Whether an operation is not answered yet."""
        return self._failure is None and self.protocol.is_awaited(serial)

    def check(self, target: int) -> None:
        """Raises NodeLost when nothing comes from `target` any more."""
        self.core._engine.check_nodes([self.core.members[target]], self.core._number)

    def _arrived(self, source: int, data: memoryview) -> None:
        try:
            with self._lock:
                answers = self.protocol.arrive(source, data)
            self._post_all(answers)
        except BaseException as error:  # noqa: BLE001  it has no caller
            self._failure = error

    def _post_all(self, answers: Outgoing) -> None:
        for dest, message in answers:
            self.post(dest, message)


_open: dict[WinState, None] = {}  # in the order of creation


@cache
def _hear_of_the_end() -> None:
    """Has `_close_all` called by Finalize, as MPI has libraries do it (MPI-4.1, 11.2.4); once."""
    key = COMM_SELF.Create_keyval(delete_fn=_close_all)
    COMM_SELF.Set_attr(key, None)


@atexit.register
def _close_all(*_attribute: object) -> None:
    """Ends the windows that were not freed.

    A program that has come to its end serves them until the others have, too; where one has failed
    nobody waits. Then their memory is let go of: a window is part of a cycle (the engine knows its
    handler), and CPython may crash when it breaks a cycle at a memoryview that has another view.
    """
    for state in list(_open):
        with suppress(DistrcompError):
            state.core.barrier()
        state.close()
