"""How the collectives that combine nothing move memory: algorithms in the manner of the core's.

They are generators as `distrcomp.collectives` describes them, with the difference that what comes
is received into the caller's memory where that lies in one piece. One algorithm serves the
communicator of one group, whose `peers` are all of its nodes, and that of two, whose peers are the
other group.

Values are numpy arrays of bytes; None stands for what is in its place already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ..collectives import Algorithm, Port
from ..collectives import bcast as bcast_objects
from .errors import ERR_TRUNCATE, ERR_TYPE, MPIException
from .specs import MessageSpec

_DIRECT_BYTES_MIN = 64 * 1024
"""From here on a copy costs more than the longer way on which the core receives into memory."""


class Room:
    """Memory that takes a message of a collective.

    Args:
        spec: where it is and how it is laid out.

    Attributes:
        array: the memory as an array of bytes, if it lies in one piece.
    """

    __slots__ = ("_spec", "array")

    def __init__(self, spec: MessageSpec) -> None:
        view = spec.writable()
        self.array = None if view is None else byte_array(view)
        self._spec = spec

    @property
    def is_direct(self) -> bool:
        """Whether to receive into the memory itself, which then has to be filled by one message."""
        return self.array is not None and self.array.nbytes >= _DIRECT_BYTES_MIN

    def put(self, value: Any) -> None:
        """Puts bytes there; None says that they are.

        They may be fewer than there is room for, as MPICH has it, though MPI calls that an error.

        Raises:
            MPIException: ERR_TRUNCATE when they are more, ERR_TYPE when it is an object, as nodes
                give that call `bcast` where others call `Bcast`.
        """
        if value is None:
            return
        if getattr(getattr(value, "dtype", None), "char", "") != "B":
            what = type(value).__name__
            raise MPIException(ERR_TYPE, f"an object came, of type {what}, and not memory")
        if value.nbytes > self._spec.nbytes:
            raise MPIException(
                ERR_TRUNCATE, f"{value.nbytes} bytes came for {self._spec.nbytes} bytes of memory"
            )
        if self.array is None:
            self._spec.from_bytes(memoryview(value))
        else:
            self.array[: value.nbytes] = value


def byte_array(view: Any) -> Any:
    """A view of bytes as a numpy array, which shares its memory."""
    import numpy

    return numpy.frombuffer(view, numpy.uint8) if view.nbytes else numpy.empty(0, numpy.uint8)


def bcast(port: Port, value: Any, root: int, room: Room | None) -> Algorithm:
    """The root's bytes to all, by the core's trees; the root has no `room`."""
    if room is None:
        yield from bcast_objects(port, value, root)
    elif room.is_direct:
        yield from bcast_objects(port, None, root, room.array)
    else:
        room.put((yield from bcast_objects(port, None, root)))


def gather(
    port: Port, value: Any, root: int | None, peers: Sequence[int], rooms: Sequence[Room] | None
) -> Algorithm:
    """The bytes of all peers to the root, from each directly.

    Args:
        root: to whom this node's go; None if it sends none.
        rooms: on the root, one for each peer.
    """
    if rooms is None:
        if root is not None:
            port.send(root, value)
        return
    for peer, room in zip(peers, rooms, strict=True):
        if peer == port.here:
            room.put(value)
        else:
            yield from _take(peer, room)


def scatter(
    port: Port, parts: Sequence[Any] | None, root: int | None, peers: Sequence[int], room: Any
) -> Algorithm:
    """A part of the root's memory to each peer, directly.

    Args:
        parts: on the root, one for each peer.
        root: from whom this node gets its part; None if it gets none.
        room: for this node's part.
    """
    if parts is None:
        if root is not None:
            yield from _take(root, room)
        return
    for peer, part in zip(peers, parts, strict=True):
        if peer != port.here:
            port.send(peer, part)
        elif room is not None:
            room.put(part)


def alltoall(
    port: Port, parts: Sequence[Any], peers: Sequence[int], rooms: Sequence[Room]
) -> Algorithm:
    """What each peer has for this node, from each directly; in rounds, so that none is beset."""
    count = len(peers)
    if not count:
        return
    first = peers.index(port.here) if port.here in peers else port.here % count
    for distance in range(count):
        to = (first + distance) % count
        if peers[to] != port.here:
            port.send(peers[to], parts[to])
    for distance in range(count):
        at = (first - distance) % count
        if peers[at] == port.here:
            rooms[at].put(parts[at])
        else:
            yield from _take(peers[at], rooms[at])


def exchange(
    port: Port, sends: Sequence[tuple[int, Any]], takes: Sequence[tuple[int, Room]]
) -> Algorithm:
    """Messages between neighbours.

    Args:
        sends: to whom what goes, in order.
        takes: from whom what comes, in the order in which each sends it.
    """
    own: deque[Any] = deque()
    for dest, value in sends:
        if dest == port.here:
            own.append(value)
        else:
            port.send(dest, value)
    for source, room in takes:
        if source == port.here:
            room.put(own.popleft())
        else:
            yield from _take(source, room)


def _take(node: int, room: Room) -> Algorithm:
    if room.is_direct:
        yield node, room.array
    else:
        room.put((yield node))
