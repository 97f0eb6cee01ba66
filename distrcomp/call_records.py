"""Calls as records of one size, and room for them; no I/O."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from . import limits
from .notices import Calls

RECORD = struct.Struct("=qqQqiiHHi")
"""Of one call: its begin and end (ns of the machine's monotonic clock), thread, bytes or request,
the other node by its id in the world, tag, what call it was, flags, message space."""

SENDS = ("send", "ssend", "send_raw", "ssend_raw")
SEND_REQUESTS = ("isend", "issend", "isend_raw", "ibsend_raw", "issend_raw")
RECEIVES = ("recv", "recv_raw")
RECEIVE_REQUESTS = ("irecv", "irecv_raw")
TAKES = ("mprobe", "improbe")
WAITS = ("wait", "test")
OTHERS = (
    "probe",
    "barrier",
    "bcast",
    "gather",
    "scatter",
    "allgather",
    "alltoall",
    "reduce",
    "allreduce",
    "reduce_scatter",
    "scan",
    "exscan",
    "dup",
    "split",
    "create",
    "free",
    "ibarrier",
    "ibcast",
    "igather",
    "iscatter",
    "iallgather",
    "ialltoall",
    "ireduce",
    "iallreduce",
    "ireduce_scatter",
    "iscan",
    "iexscan",
)
CALLS = (
    *SENDS,
    *SEND_REQUESTS,
    *RECEIVES,
    *RECEIVE_REQUESTS,
    *TAKES,
    *WAITS,
    "sendrecv",
    *OTHERS,
)
"""The calls by their numbers."""

FAILED = 1
"""Flag: an exception has ended the call."""
PART = 2
"""Flag: not a call but the receive within the one before."""

UNKNOWN = -1

NO_ROOM = (struct.error, OverflowError)
"""What packing a record raises behind the last one, and of numbers that are none of ours."""


class Recorder:
    """The records of one node.

    Attributes:
        memory: where they lie.
        slot: takes the place of the next one, in one step that no other thread can come into.
        inside: the threads that are in a collective which is recorded as a whole.

    Args:
        n_call: how many calls there is room for.
    """

    def __init__(self, n_call: int) -> None:
        self.memory = mmap.mmap(-1, max(1, n_call) * RECORD.size)
        self.slot = count(0, RECORD.size).__next__
        self.inside: set[int] = set()
        self._bytes_max = n_call * RECORD.size

    def note(self, *record: int) -> None:
        """Writes a record, whose parts are those of RECORD; beyond the room for them nothing."""
        with suppress(*NO_ROOM):
            RECORD.pack_into(self.memory, self.slot(), *record)

    def parts(self) -> Iterator[Calls]:
        """All records, in notices."""
        ended = self.slot()
        kept = min(ended, self._bytes_max)
        dropped = (ended - kept) // RECORD.size
        step = limits.CALLS_PART_BYTES_MAX // RECORD.size * RECORD.size
        for begin in range(0, kept, step):
            yield Calls(dropped, self.memory[begin : min(begin + step, kept)])
