"""What the buffer calls that combine mean; see buffer_plans.

What travels are numpy arrays of the buffers' basic elements, which the core combines by ufuncs;
those of pairs, and of the program's own operations, by functions of ours. An operation that MPI
doesn't define for a datatype is an error (MPI-4.1, 6.9.2).

Where the result goes into the memory of the contribution (IN_PLACE) this is copied first if others
may still be reading it when the result is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..collectives import ALLREDUCE, EXSCAN, REDUCE, REDUCE_SCATTER, SCAN, Algorithm, Port
from ..collectives import exscan as run_exscan
from ..collectives import reduce_scatter as run_reduce_scatter
from ..collectives import scan as run_scan
from .buffer_moves import Room
from .buffer_plans import Call, Plan
from .checks import integers
from .collective_side import Side
from .op import Op
from .reduction_operands import Operands
from .specs import MessageSpec, is_in_place, message


def reduce(side: Side, sendbuf: Any, recvbuf: Any, op: Op, root: int) -> Plan:
    """All contributions together, at the root."""
    who = side.root(root)
    into = None
    if who.is_root:
        into = message(recvbuf, True)
    spec = into
    if who.is_peer and not (who.is_root and is_in_place(sendbuf)):
        spec = message(sendbuf)
        _check_alike(spec, into)
    if spec is None:
        return lambda: (REDUCE, 0, together, None, (), (), None)
    operands = Operands(op, spec)

    def call() -> Call:
        room = None if into is None else Room(into)
        if not side.is_inter:
            kind, number, *run = side.core._reduce(operands.array(spec), operands.core_op, root)
            return kind, number, landed, run, room
        value = operands.array(spec) if who.is_peer else None
        to = () if who.node is None or who.is_root else (who.node,)
        froms = side.peers if who.is_root else ()
        return REDUCE, 0, landed, (together, value, to, froms, operands.core_op), room

    return call


def allreduce(side: Side, sendbuf: Any, recvbuf: Any, op: Op) -> Plan:
    """All contributions together, everywhere."""
    into = message(recvbuf, True)
    is_kept = not side.is_inter and is_in_place(sendbuf)
    spec = into if is_kept else message(sendbuf)
    _check_alike(spec, into)
    operands = Operands(op, spec)

    def call() -> Call:
        value = operands.array(spec)
        if side.is_inter:
            run: Any = (together, value, side.peers, side.peers, operands.core_op)
            return ALLREDUCE, 0, landed, run, Room(into)
        if is_kept:
            value = value.copy()
        memory = into.writable()
        out = None if memory is None else operands.view(memory)
        kind, number, *run = side.core._allreduce(value, operands.core_op, out)
        return kind, number, landed, run, None if out is not None else Room(into)

    return call


def reduce_scatter(
    side: Side, sendbuf: Any, recvbuf: Any, recvcounts: Sequence[int] | None, op: Op
) -> Plan:
    """All contributions together, a part of them to each."""
    into = message(recvbuf, True)
    is_kept = not side.is_inter and is_in_place(sendbuf)
    if recvcounts is None:
        everyone = side.core.allgather(into.count)
        recvcounts = [everyone[node] for node in side.local]
    counts = integers(recvcounts)
    if len(counts) != side.size:
        raise ValueError(f"expecting {side.size} items, got {len(counts)}")
    total = sum(counts)
    if is_kept:
        if into.count != total:
            raise ValueError(f"mismatch in receive count {into.count} and sum(counts) {total}")
        return _scattered(side, into, into.part(0, counts[side.rank]), counts, op)
    spec = message(sendbuf)
    if spec.datatype != into.datatype:
        raise ValueError("mismatch in send and receive MPI datatypes")
    if spec.count != total:
        raise ValueError(f"mismatch in send count {spec.count} and sum(counts) {total}")
    if into.count != counts[side.rank]:
        raise ValueError(
            f"mismatch in receive count {into.count} and counts[{side.rank}] {counts[side.rank]}"
        )
    return _scattered(side, spec, into, counts, op)


def reduce_scatter_block(side: Side, sendbuf: Any, recvbuf: Any, op: Op) -> Plan:
    """All contributions together, an equal part of them to each."""
    if not side.is_inter and is_in_place(sendbuf):
        blocks = message(recvbuf, True, side.size)
        counts = [blocks.count] * side.size
        return _scattered(side, blocks.part(0, sum(counts)), blocks.block(0), counts, op)
    spec, into = message(sendbuf, False, side.size), message(recvbuf, True)
    _check_alike(spec, into)
    counts = [spec.count] * side.size
    return _scattered(side, spec.part(0, sum(counts)), into, counts, op)


def scan(sendbuf: Any, recvbuf: Any, op: Op) -> Plan:
    """The contributions up to this node together."""
    return _prefix((SCAN, run_scan), (sendbuf, recvbuf), op)


def exscan(sendbuf: Any, recvbuf: Any, op: Op) -> Plan:
    """The contributions before this node together; on node 0 nothing is received."""
    return _prefix((EXSCAN, run_exscan), (sendbuf, recvbuf), op)


# --- what runs ------------------------------------------------------------------------------------


def landed(port: Port, run: Sequence[Any], room: Room | None, part: Any = None) -> Algorithm:
    """Puts what an algorithm returns, or a part of it, into memory.

    Args:
        run: the algorithm and its arguments.
        part: a slice of what it returns.
    """
    algorithm, *args = run
    value = yield from algorithm(port, *args)
    if room is not None and value is not None:
        import numpy

        room.put((value if part is None else value[part]).view(numpy.uint8))


def together(port: Port, value: Any, to: Sequence[int], froms: Sequence[int], op: Any) -> Algorithm:
    """What some contribute together, in their order; this node contributes to others.

    Args:
        to: who gets this node's contribution.
        froms: whose contributions it gets.
    """
    for node in to:
        port.send(node, value)
    result = None
    for at, node in enumerate(froms):
        came = yield node
        result = came if at == 0 else op.combine(result, came)
    return result


# --- inside ---------------------------------------------------------------------------------------


def _scattered(
    side: Side, spec: MessageSpec, into: MessageSpec, counts: Sequence[int], op: Op
) -> Plan:
    operands = Operands(op, spec)

    def call() -> Call:
        value = operands.array(spec)
        per_item = len(value) // spec.count if spec.count else 0
        ends = [0]
        for count in counts:
            ends.append(ends[-1] + count * per_item)
        places = [slice(low, high) for low, high in pairwise(ends)]
        if side.is_inter:
            run: Any = (together, value, side.peers, side.peers, operands.core_op)
            return REDUCE_SCATTER, 0, landed, run, Room(into), places[side.rank]
        if spec.obj is into.obj:
            value = value.copy()
        run = (run_reduce_scatter, [value[place] for place in places], operands.core_op)
        return REDUCE_SCATTER, 0, landed, run, Room(into)

    return call


def _prefix(what: tuple[Any, Any], buffers: tuple[Any, Any], op: Op) -> Plan:
    kind, algorithm = what
    sendbuf, recvbuf = buffers
    into = message(recvbuf, True)
    is_kept = is_in_place(sendbuf)
    spec = into if is_kept else message(sendbuf)
    _check_alike(spec, into)
    operands = Operands(op, spec)

    def call() -> Call:
        value = operands.array(spec)
        if is_kept:
            value = value.copy()
        return kind, 0, landed, (algorithm, value, operands.core_op), Room(into)

    return call


def _check_alike(spec: MessageSpec, into: MessageSpec | None) -> None:
    """Raises ValueError when what is sent isn't what is received."""
    if into is None or spec is into:
        return
    if spec.state is not into.state:
        raise ValueError("mismatch in send and receive MPI datatypes")
    if spec.count != into.count:
        raise ValueError(f"mismatch in send count {spec.count} and receive count {into.count}")
