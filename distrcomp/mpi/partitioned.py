"""Partitioned messages (MPI-4.1, 4): a message of which the sender gives parts free one by one.

Each part travels as a message of the communicator's service space, so it meets no other receive,
and lands in the receiver's memory when it comes, in whatever call the receiver is in. Sends and
receives meet in the order in which they were made with one tag between two nodes, and start by
start: the third start of one belongs to the third of the other. So a part says its tag, the number
of the send among those with that tag, the number of the start, and which part it is of how many.
What comes before its receive was made or started waits for it here.

Both sides may cut the message into different numbers of parts: a part of the receiver's has arrived
when all parts of the sender's have that it overlaps.
"""

from __future__ import annotations

import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .constants import PROC_NULL
from .errors import ERR_ARG, ERR_REQUEST, MPIException
from .operations import Done, Renewed, look, wait_one, yield_core
from .status import Status

if TYPE_CHECKING:
    from ..communicator import Communicator
    from .specs import MessageSpec

_HEADER = struct.Struct("<qqqqq")  # tag, number of the send, number of the start, part, parts

_Key = tuple[int, int, int]  # the other node, tag, number


class Partitioned(Renewed):
    """A partitioned send or receive.

    Args:
        spec: the memory; None for one with PROC_NULL.
        parts: into how many parts it is cut here.
    """

    def __init__(self, spec: MessageSpec | None, parts: int) -> None:
        super().__init__(Done)
        if parts <= 0:
            raise MPIException(ERR_ARG, f"{parts} is no number of partitions")
        if spec is not None and spec.nbytes % parts:
            raise ValueError(
                f"message: cannot infer count, {spec.nbytes} bytes are not a multiple of "
                f"required number of blocks {parts}"
            )
        self._spec = spec
        self._parts = parts

    def start(self) -> None:
        """Begins a message."""
        self.is_active = True

    def wait(self) -> None:
        wait_one((self,))

    def send(self, parts: Iterable[int]) -> None:  # noqa: ARG002
        """Gives parts free, of a send."""
        raise MPIException(ERR_REQUEST, "this is no partitioned send")

    def has_arrived(self, part: int) -> bool:  # noqa: ARG002
        """Whether a part is there, of a receive."""
        raise MPIException(ERR_REQUEST, "this is no partitioned receive")

    def _check_part(self, part: int) -> None:
        if not 0 <= part < self._parts:
            raise MPIException(ERR_ARG, f"there is no partition {part} among {self._parts}")


class PartitionedSend(Partitioned):
    """The send of a partitioned message.

    Args:
        board: the communicator's.
        dest, tag: where it goes.
        spec, parts: as in Partitioned.
    """

    def __init__(
        self, board: Board | None, dest: int, tag: int, spec: MessageSpec | None, parts: int
    ) -> None:
        super().__init__(spec, parts)
        self._board = board
        self._dest = dest
        self._tag = tag
        self._number = 0 if board is None else board.number_of_send(dest, tag)
        self._starts = 0
        self._sent: set[int] = set()

    def start(self) -> None:
        super().start()
        self._starts += 1
        self._sent.clear()

    def send(self, parts: Iterable[int]) -> None:
        for part in parts:
            self._check_part(part)
            if not self.is_active or part in self._sent:
                raise MPIException(ERR_REQUEST, f"partition {part} can't be sent now")
            self._sent.add(part)
            if self._board is not None and self._spec is not None:
                nbytes = self._spec.nbytes // self._parts
                header = _HEADER.pack(self._tag, self._number, self._starts, part, self._parts)
                body = self._spec.to_bytes()[part * nbytes : (part + 1) * nbytes]
                self._board.core.post_service(self._dest, b"".join((header, body)))

    def is_done(self) -> bool:
        return len(self._sent) == self._parts

    def fill(self, status: Status) -> None:
        """Tells nothing; see operations.Sent."""


class PartitionedReceive(Partitioned):
    """The receive of a partitioned message.

    Args:
        board: the communicator's; None for one with PROC_NULL.
        source, tag: where it comes from.
        spec, parts: as in Partitioned.
    """

    def __init__(
        self, board: Board | None, source: int, tag: int, spec: MessageSpec | None, parts: int
    ) -> None:
        super().__init__(spec, parts)
        self._board = board
        self._source = source
        self._tag = tag
        self._starts = 0
        self._arrived: set[int] = set()
        self.engine = None if board is None else board.core._engine
        self._sender_parts = 0
        self._memory = memoryview(b"")
        self._is_packed = False
        self._key: _Key = (source, tag, 0)
        if board is not None and spec is not None:
            self._key = board.key_of_receive(source, tag)
            writable = spec.writable()
            self._is_packed = writable is None
            self._memory = memoryview(bytearray(spec.nbytes)) if writable is None else writable

    def start(self) -> None:
        super().start()
        self._starts += 1
        self._arrived.clear()
        self._sender_parts = 0
        if self._board is not None:
            self._board.listen(self._key, self._starts, self)

    def put(self, part: int, parts: int, body: memoryview) -> None:
        """Takes a part that has come."""
        first = part * body.nbytes
        room = self._memory[first : first + body.nbytes]
        room[:] = body[: room.nbytes]
        self._sender_parts = parts
        self._arrived.add(part)

    def has_arrived(self, part: int) -> bool:
        self._check_part(part)
        if self._board is None or not self.is_active:
            return True
        if not self._is_here(part):
            look((self,))
            if not self._is_here(part):
                yield_core()
                return False
        self._unpack()
        return True

    def _is_here(self, part: int) -> bool:
        """Whether all that the sender's parts have of this one is there."""
        if not self._sender_parts:
            return False
        first = part * self._sender_parts // self._parts
        end = -(-(part + 1) * self._sender_parts // self._parts)
        return self._arrived.issuperset(range(first, end))

    def is_done(self) -> bool:
        if self._board is None:
            return True
        return bool(self._sender_parts) and len(self._arrived) == self._sender_parts

    def result(self) -> None:
        self._unpack()

    def fill(self, status: Status) -> None:
        if self._board is None:
            status._set(PROC_NULL, self._tag, 0)
        else:
            status._set(self._source, self._tag, self._memory.nbytes)

    def cancel(self) -> None:
        """Not for partitioned messages."""

    def _unpack(self) -> None:
        if self._is_packed and self._spec is not None:
            self._spec.from_bytes(self._memory)


class Board:
    """The partitioned messages of one communicator, of which this node takes part.

    Args:
        core: the communicator, whose services are the board's from now on.
    """

    def __init__(self, core: Communicator) -> None:
        self.core = core
        self._lock = threading.Lock()
        self._sends: Counter[tuple[int, int]] = Counter()
        self._receives: Counter[tuple[int, int]] = Counter()
        self._early: defaultdict[tuple[_Key, int], list[tuple[int, int, memoryview]]]
        self._early = defaultdict(list)
        self._listening: dict[tuple[_Key, int], PartitionedReceive] = {}
        core.serve(self._take)

    def number_of_send(self, dest: int, tag: int) -> int:
        """Which one this send is of those to `dest` with `tag`."""
        with self._lock:
            self._sends[dest, tag] += 1
            return self._sends[dest, tag]

    def key_of_receive(self, source: int, tag: int) -> _Key:
        """What tells this receive from all others."""
        with self._lock:
            self._receives[source, tag] += 1
            return (source, tag, self._receives[source, tag])

    def listen(self, key: _Key, start: int, receive: PartitionedReceive) -> None:
        """From now on parts of this start go to `receive`."""
        with self._lock:
            self._listening.pop((key, start - 1), None)
            self._listening[key, start] = receive
            for part, parts, body in self._early.pop((key, start), ()):
                receive.put(part, parts, body)

    def forget(self, key: _Key, start: int) -> None:
        """A receive was freed."""
        with self._lock:
            self._listening.pop((key, start), None)

    def _take(self, source: int, data: memoryview) -> None:
        tag, number, start, part, parts = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        key = (source, tag, number)
        with self._lock:
            receive = self._listening.get((key, start))
            if receive is None:
                self._early[key, start].append((part, parts, body))
            else:
                receive.put(part, parts, body)
