"""The protocol of a window, both sides of it, without I/O: bytes in, bytes to send out.

Each node of a window has one `Protocol`. As an origin it makes operations out of calls and knows
which are not answered yet; as a target it does what others ask, on the memory of its own window.

What always holds, if the messages from one node to another keep their order:
- An origin need not wait for a lock: what it sends after asking for one is done when it has it.
- A target does each operation whole, and those of one origin in the order of their calls, which is
  more than MPI asks for (MPI-4.1, 12.7.1: the order of accumulates to one place).
- When a flush is answered all operations before it are done at the target, and their answers here.
- A message of a kind that does not fit the state (an unlock of who has no lock) is a ProtocolError.
  An operation outside the window's memory is refused and changes nothing; its origin is told, and
  finds the error class in `take_error` when it next waits for that target.

Everything is called under one lock of the caller's.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from .layout_copy import pack, unpack
from .typemap import Grid, Layout, shift
from .window_locks import Held, LockQueue
from .window_messages import Kind, Message, measure, parse

Outgoing = list[tuple[int, Message]]
"""What is to be sent, and to whom, in this order."""

Combine = Callable[[int, int, memoryview, memoryview], None]
"""`combine(op, element, into, data)`: accumulates `data` into memory of the same length."""

# COMPARE_AND_SWAP carries what to compare with, and then what to write.
_N_VALUE = {Kind.GET: 0, Kind.COMPARE_AND_SWAP: 2}
_MAY_BE_EMPTY = (Kind.GET_ACCUMULATE,)  # a fetch alone (MPI_NO_OP)
_BEHIND_LOCK = frozenset(kind for kind in Kind if kind <= Kind.UNLOCK)
_WANTED = {Kind.LOCK_SHARED: Held.SHARED, Kind.LOCK_EXCLUSIVE: Held.EXCLUSIVE}


class ProtocolError(Exception):
    """A message that another node of the window can't have sent; a mistake of ours."""


class OutOfWindow(Exception):
    """An operation on memory that is not the window's."""


class CannotCombine(Exception):
    """Data that can't be accumulated."""


class Regions:
    """The memory of a window: one region at 0, or what was attached, by address.

    Example:
        >>> regions = Regions()
        >>> regions.attach(100, memoryview(bytearray(8)))
        >>> regions.find(104, 108).nbytes
        4
        >>> regions.find(104, 109)
        Traceback (most recent call last):
        distrcomp.mpi.window_protocol.OutOfWindow: bytes 104 to 109 are not within the window
    """

    def __init__(self) -> None:
        self._regions: list[tuple[int, memoryview]] = []

    def attach(self, begin: int, memory: memoryview) -> None:
        """Adds a region."""
        self._regions.append((begin, memory))

    def detach(self, begin: int) -> bool:
        """Takes away the region that begins there; whether there was one."""
        for index, (other, _) in enumerate(self._regions):
            if other == begin:
                del self._regions[index]
                return True
        return False

    def clear(self) -> None:
        """Takes all regions away."""
        self._regions.clear()

    def overlaps(self, begin: int, nbytes: int) -> bool:
        """Whether some of these bytes are attached already."""
        return any(
            begin < other + memory.nbytes and other < begin + nbytes
            for other, memory in self._regions
        )

    def find(self, begin: int, end: int) -> memoryview:
        """The memory from `begin` to `end`."""
        for base, memory in self._regions:
            if base <= begin and end <= base + memory.nbytes:
                return memory[begin - base : end - base]
        if begin == end:
            return memoryview(bytearray())
        raise OutOfWindow(f"bytes {begin} to {end} are not within the window")


class Protocol:
    """One node's part in a window.

    Args:
        regions: the memory of this node's window.
        combine: how data is accumulated.
        refusals: the error classes of an operation outside the window, and of data that can't be
            accumulated.

    Attributes:
        posted: how often each node has opened its window to this one and was not yet used.
        completed: how often each node has said that it is done with this one's.
    """

    def __init__(
        self, regions: Regions, combine: Combine, refusals: tuple[int, int] = (1, 2)
    ) -> None:
        self.regions = regions
        self.lock = LockQueue()
        self.posted: Counter[int] = Counter()
        self.completed: Counter[int] = Counter()
        self._combine = combine
        self._refusals = refusals
        self._lock_serials: dict[int, int] = {}
        self._deferred: dict[int, deque[Message]] = {}  # of origins that wait for the lock
        self._serial = 0
        self._awaited: dict[int, tuple[int, Callable[[memoryview], None] | None]] = {}
        self._n_awaited: Counter[int] = Counter()
        self._unflushed: set[int] = set()
        self._errors: dict[int, int] = {}

    # --- the origin's side ------------------------------------------------------------------------

    def operate(
        self, target: int, message: Message, take: Callable[[memoryview], None] | None = None
    ) -> Message:
        """The message by which `target` is asked for an operation.

        Args:
            take: is given the data of the answer, for a kind that is answered with data.
        """
        self._serial += 1
        if take is not None:
            self._await(target, take)
        else:
            self._unflushed.add(target)
        return message._replace(serial=self._serial)

    def ask(self, target: int, kind: Kind) -> Message:
        """The message of a FLUSH, a lock or an UNLOCK, which is answered when it is done.

        Locks and unlocks without a serial are not answered.
        """
        self._serial += 1
        self._await(target, None)
        if kind in (Kind.FLUSH, Kind.UNLOCK):
            self._unflushed.discard(target)
        return Message(kind, self._serial)

    def unflushed(self) -> list[int]:
        """The targets of operations of which it is not known that they are done."""
        return sorted(self._unflushed)

    def is_answered(self, target: int | None = None) -> bool:
        """Whether no answer is awaited, of `target` or of anybody."""
        return not (self._awaited if target is None else self._n_awaited[target])

    def awaited_of(self) -> list[int]:
        """Of whom answers are awaited."""
        return sorted(target for target, number in self._n_awaited.items() if number)

    def is_awaited(self, serial: int) -> bool:
        """Whether the answer to this message has not come yet."""
        return serial in self._awaited

    def take_error(self, target: int | None = None) -> int:
        """The error class with which `target`, or anybody, has refused an operation; once. Or 0."""
        if target is not None:
            return self._errors.pop(target, 0)
        error = next(iter(self._errors.values()), 0)
        self._errors.clear()
        return error

    def _await(self, target: int, take: Callable[[memoryview], None] | None) -> None:
        self._awaited[self._serial] = (target, take)
        self._n_awaited[target] += 1

    # --- what arrives -----------------------------------------------------------------------------

    def arrive(self, source: int, data: memoryview) -> Outgoing:
        """Does what a message asks for, and returns the answers."""
        try:
            message = parse(data)
        except ValueError as error:
            raise ProtocolError(str(error)) from error
        return self.handle(source, message)

    def handle(self, source: int, message: Message) -> Outgoing:
        """The same for a message that needed no bytes because it is this node's own."""
        outgoing: Outgoing = []
        todo = deque([(source, message)])
        while todo:
            origin, message = todo.popleft()
            if origin in self._deferred and message.kind in _BEHIND_LOCK:
                self._deferred[origin].append(message)
                continue
            for granted in self._handle(origin, message, outgoing):
                todo.extendleft((granted, each) for each in reversed(self._deferred.pop(granted)))
        return outgoing

    def _handle(self, source: int, message: Message, outgoing: Outgoing) -> list[int]:
        """Does what one message says; who holds the lock now and had to wait for it."""
        kind = message.kind
        if kind <= Kind.COMPARE_AND_SWAP:
            outgoing += self._operated(source, message)
        elif kind is Kind.FLUSH:
            outgoing.append((source, Message(Kind.DONE, message.serial)))
        elif kind in _WANTED:
            self._deferred[source] = deque()
            self._lock_serials[source] = message.serial
            return self._granted(lambda: self.lock.ask(source, _WANTED[kind]), outgoing)
        elif kind is Kind.UNLOCK:
            if message.serial:
                outgoing.append((source, Message(Kind.DONE, message.serial)))
            return self._granted(lambda: self.lock.release(source), outgoing)
        elif kind is Kind.POST:
            self.posted[source] += 1
        elif kind is Kind.COMPLETE:
            self.completed[source] += 1
        else:
            self._answered(source, message)
        return []

    def _answered(self, source: int, message: Message) -> None:
        if message.kind is Kind.REFUSED:
            self._errors.setdefault(source, message.element)
        if message.serial not in self._awaited:
            return  # a refusal of what needed no answer
        target, take = self._awaited.pop(message.serial)
        if target != source:
            raise ProtocolError(f"node {source} answers what node {target} was asked")
        self._n_awaited[source] -= 1
        if take is not None and message.kind is Kind.DONE:
            take(message.data)

    def _granted(self, change: Callable[[], list[int]], outgoing: Outgoing) -> list[int]:
        try:
            granted = change()
        except ValueError as error:
            raise ProtocolError(str(error)) from error
        for origin in granted:
            serial = self._lock_serials.pop(origin)
            if serial:
                outgoing.append((origin, Message(Kind.DONE, serial)))
        return granted

    # --- the target's side ------------------------------------------------------------------------

    def _operated(self, source: int, message: Message) -> Outgoing:
        refusal = 0
        try:
            fetched = self._operate(message)
        except OutOfWindow:
            refusal = self._refusals[0]
        except CannotCombine:
            refusal = self._refusals[1]
        if refusal:
            return [(source, Message(Kind.REFUSED, message.serial, element=refusal))]
        if message.kind in (Kind.PUT, Kind.ACCUMULATE):
            return []
        return [(source, Message(Kind.DONE, message.serial, data=memoryview(fetched)))]

    def _operate(self, message: Message) -> memoryview | bytes:
        """Does an operation; what it fetches."""
        kind, data = message.kind, message.data
        size, begin, end = measure(message.layout)
        nbytes = size * _N_VALUE.get(kind, 1)
        if len(data) != nbytes and not (kind in _MAY_BE_EMPTY and not data):
            raise ProtocolError(f"{kind.name} of {nbytes} bytes with {len(data)} bytes of data")
        memory = self.regions.find(begin, end)
        layout = shift(message.layout, -begin)
        fetched = b"" if kind in (Kind.PUT, Kind.ACCUMULATE) else _gather(memory, layout)
        if kind is Kind.PUT:
            _scatter(memory, layout, data)
        elif kind in (Kind.ACCUMULATE, Kind.GET_ACCUMULATE) and data:
            self._accumulate(memory, layout, message)
        elif kind is Kind.COMPARE_AND_SWAP and data[:size] == fetched:
            _scatter(memory, layout, data[size:])
        return fetched

    def _accumulate(self, memory: memoryview, layout: Layout, message: Message) -> None:
        if _is_whole(layout):
            self._combine(message.op, message.element, memory, message.data)
            return
        copy = memoryview(bytearray(_gather(memory, layout)))
        self._combine(message.op, message.element, copy, message.data)
        _scatter(memory, layout, copy)


def _is_whole(layout: Layout) -> bool:
    return isinstance(layout, Grid) and not layout.dims


def _gather(memory: memoryview, layout: Layout) -> memoryview | bytes:
    """A copy of the bytes of `layout`."""
    return bytes(memory) if _is_whole(layout) else pack(memory, layout)


def _scatter(memory: memoryview, layout: Layout, data: memoryview) -> None:
    """Writes `data` where `layout` says."""
    if _is_whole(layout):
        memory[:] = data
    else:
        unpack(memory, layout, data)
