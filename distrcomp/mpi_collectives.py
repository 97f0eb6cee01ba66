"""Collectives of large arrays by MPI's own, in an MPI job.

MPI knows its network: it combines arrays on their way and broadcasts by routes that nobody above it
can see. So from LARGE_BYTES on `bcast`, `reduce` and `allreduce` of arrays go over to it; what is
small stays ours, because the calls around it cost more than it saves, and so does all that isn't an
array of numbers.

Before the nodes go over they agree by our own messages, in the collectives' own space: all learn
what each contributes, or what the root has. So a node that is in another collective, or has another
array, is an error that names it, as everywhere, and MPI's collectives, which would hang or spoil
memory there, are entered by all or none. While MPI works at one, our own messages go on.

Requests (`iallreduce`) stay ours: they would have to move in calls that know nothing of them. So do
communicators other than the world: MPI's would have to be made with all of their nodes in one call
that blocks, while some may still wait for our messages.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any, NamedTuple

from . import collectives as c
from . import ops
from .collectives import Algorithm, Port
from .engine import Engine
from .errors import CollectiveMismatch
from .mpi_progress import pause_s
from .out import fill

LARGE_BYTES = 8 * 1024 * 1024
_COUNT_MAX = 2**31 - 1
# So long MPI is asked without a pause, since it moves in these calls only.
_BUSY_S = 0.1
_TESTS_AT_ONCE = 20

Call = tuple[Any, ...]
"""Kind, root, algorithm and its arguments, as CollectiveCalls makes them."""


class Announced(NamedTuple):
    """What a root sends in the place of an array that MPI will bring."""

    dtype: str
    shape: tuple[int, ...]


class MpiCollectives:
    """Puts MPI's collectives in the place of ours, where they are faster.

    Args:
        mpi: the module mpi4py.MPI.
        communicator: that of the job.
        engine: of this process.
    """

    def __init__(self, mpi: Any, communicator: Any, engine: Engine) -> None:
        self._mpi = mpi
        self._communicator = communicator
        self._engine = engine
        self._ops = {
            ops.SUM: (mpi.SUM, "iufc"),
            ops.PROD: (mpi.PROD, "iufc"),
            ops.MIN: (mpi.MIN, "iu"),  # of floats numpy's keeps what is not a number
            ops.MAX: (mpi.MAX, "iu"),
        }

    def instead(self, call: Call) -> Call:
        """What to run instead of `call` on the world: itself, or a collective of MPI."""
        kind, root = call[:2]
        if kind is c.BCAST:
            return kind, root, self._bcast, call[3], root, call[5]
        if kind is c.LARGE_ALLREDUCE and self._takes(call[3], call[4]):
            return kind, root, self._reduce, call[3], call[4], None, call[5]
        if kind is c.LARGE_REDUCE and self._takes(call[3], call[4]):
            return kind, root, self._reduce, call[3], call[4], root, None
        return call

    def _takes(self, array: Any, op: Any) -> bool:
        _, kinds = self._ops.get(op, (None, ""))
        return array.dtype.kind in kinds and _is_plain(array)

    def _reduce(self, port: Port, array: Any, op: Any, root: int | None, out: Any) -> Algorithm:
        """As `large_allreduce`, or, with a root, `large_reduce`."""
        import numpy

        mine = (array.dtype.str, array.shape, op.name)
        contributed = yield from c.allgather(port, mine)
        for node, other in enumerate(contributed):
            if other != mine:
                raise CollectiveMismatch(
                    f"node {port.here} contributed {_told(mine)}, node {node} {_told(other)}"
                )
        source = numpy.ascontiguousarray(array)
        result = _room(out, mine[0], mine[1]) if root in (None, port.here) else None
        if root is None:
            self._finish(self._communicator.Iallreduce(source, result, self._ops[op][0]))
        else:
            self._finish(self._communicator.Ireduce(source, result, self._ops[op][0], root))
        return result if out is None or result is out else fill(out, result)

    def _bcast(self, port: Port, value: Any, root: int, out: Any) -> Algorithm:
        """As `bcast`; only the root knows what comes, and tells by the beginning of a usual one."""
        import numpy

        is_root = port.here == root
        is_large = is_root and isinstance(value, numpy.ndarray) and _is_plain(value)
        announced = Announced(value.dtype.str, value.shape) if is_large else value
        came = yield from c.bcast(port, announced, root, None)
        if type(came) is not Announced:
            return came if out is None or is_root else fill(out, came)
        array = numpy.ascontiguousarray(value) if is_root else _room(out, *came)
        self._finish(self._communicator.Ibcast(array, root))
        if is_root:
            return value
        return array if out is None or array is out else fill(out, array)

    def _finish(self, request: Any) -> None:
        """Waits for MPI, and moves our own messages meanwhile."""
        engine = self._engine
        began = monotonic()
        while True:
            with engine.gate:
                if any(request.Test() for _ in range(_TESTS_AT_ONCE)):
                    return
            engine.look(True)
            waited = monotonic() - began  # at first the core is only offered to who else wants it
            sleep(0.0 if waited < _BUSY_S else pause_s(waited - _BUSY_S))


def _room(out: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    """`out` where MPI can write such an array there, else new memory."""
    import numpy

    if (
        isinstance(out, numpy.ndarray)
        and (out.dtype.str, out.shape) == (dtype, shape)
        and out.flags.writeable
        and out.flags.c_contiguous
    ):
        return out
    return numpy.empty(shape, dtype)


def _is_plain(array: Any) -> bool:
    """Whether MPI has a datatype for what is in this large array."""
    return (
        array.nbytes >= LARGE_BYTES
        and array.size <= _COUNT_MAX
        and array.dtype.kind in "iufc"
        and array.dtype.isnative
        and array.dtype.itemsize in (1, 2, 4, 8, 16)
        and array.dtype.char not in "egG"
    )


def _told(contribution: Any) -> str:
    if isinstance(contribution, tuple) and len(contribution) == 3:
        return f"an array of {contribution[0]} {contribution[1]} for {contribution[2]}"
    return f"an object of type {type(contribution).__name__}"
