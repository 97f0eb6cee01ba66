"""Bytes as they lie, for `distrcomp.mpi`: what MPI's buffer calls move; no I/O.

A raw message is received into memory that may be longer than it, as MPI has it (MPI-4.1, 3.2.4).
Raw and object messages meet as they do in mpi4py, where an object is sent as its pickle: received
raw, an object is its pickle; received as an object, raw bytes are unpickled.
"""

from __future__ import annotations

import pickle
from typing import NamedTuple

from . import codec, limits
from .errors import Truncated
from .frames import Message


class RawMessage(NamedTuple):
    """A raw message that was received.

    Attributes:
        data: its bytes, in memory of the receiver's own; None where they went into the caller's.
    """

    source: int
    tag: int
    nbytes: int
    data: memoryview | None


def encode_raw(view: memoryview) -> codec.Encoded:
    """What to send for bytes that lie in one piece."""
    if view.nbytes <= limits.WITHIN_META_BYTES_MAX:
        return codec.RAW, bytes(view), []
    return codec.RAW, b"", [view]


def take_raw(message: Message, source: int, into: memoryview | None) -> RawMessage:
    """The bytes of a message, put into `into` if that is given.

    Args:
        source: its sender, as its receiver calls it.

    Raises:
        Truncated: they are more than `into` holds.
    """
    data = _bytes_of(message)
    nbytes = data.nbytes
    if into is None:
        return RawMessage(source, message.tag, nbytes, data)
    if nbytes > into.nbytes:
        into[:] = data[: into.nbytes]
        raise Truncated(source, message.tag, nbytes, into.nbytes)
    into[:nbytes] = data
    return RawMessage(source, message.tag, nbytes, None)


def _bytes_of(message: Message) -> memoryview:
    if message.codec == codec.RAW:
        return memoryview(message.buffers[0] if message.buffers else bytearray(message.meta))
    if message.codec == codec.PICKLE and not message.buffers:
        return memoryview(bytearray(message.meta))
    value = codec.decode(message.codec, message.meta, message.buffers)
    return memoryview(bytearray(pickle.dumps(value, protocol=5)))
