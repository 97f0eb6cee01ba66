"""How many bytes an object message has to a program of MPI for Python: the size of its pickle.

The core sends the commonest objects without a pickle and others with their buffers beside it, but a
`Status` tells programs what `Get_count` told them there, and a message that a buffer call receives
is its pickle. So the size is reckoned from what has arrived, without pickling what is large.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from .. import codec

if TYPE_CHECKING:
    from ..frames import Message

_PROTOCOL = 5
_PROTOCOL_BYTES = 2
_PADDING_MAX = 7
# How long the lengths of what pickles are made of are, by its opcode.
_WIDTHS = {
    pickle.FRAME: 8,
    pickle.BINBYTES: 4,
    pickle.BINBYTES8: 8,
    pickle.BYTEARRAY8: 8,
    pickle.BINUNICODE: 4,
    pickle.BINUNICODE8: 8,
}
# What a buffer costs inside a pickle beside its bytes, and more if it is too large for a frame.
_OPCODE_BYTES = _FRAME_BYTES = 9
_FRAME_MAX = 65535
# From this size on the size of the pickle is reckoned.
_LARGE_BYTES = 1 << 17
_OVERHEAD_BYTES = {codec.BYTES: 9, codec.BYTEARRAY: 13, codec.TEXT: 9}


def object_bytes(message: Message) -> int:
    """The size of what a message is to a buffer call: raw bytes as they are, an object's pickle."""
    kind, meta, buffers = message.codec, message.meta, message.buffers
    if kind == codec.RAW:
        return message.payload_bytes
    if kind == codec.PICKLE:
        return _end_of_pickle(meta) + sum(_inside(memoryview(each).nbytes) for each in buffers)
    if kind in _OVERHEAD_BYTES and message.payload_bytes >= _LARGE_BYTES:
        return message.payload_bytes + _OVERHEAD_BYTES[kind]
    kept: list[pickle.PickleBuffer] = []
    value = codec.decode(kind, meta, buffers)
    if kind == codec.VIEW:
        value = bytes(value)
    stream = pickle.dumps(value, _PROTOCOL, buffer_callback=kept.append)
    return len(stream) + sum(_inside(each.raw().nbytes) for each in kept)


def _inside(nbytes: int) -> int:
    """How much longer a pickle is with a buffer inside it than beside it."""
    return nbytes + _OPCODE_BYTES + (_FRAME_BYTES if nbytes >= _FRAME_MAX else 0)


def _end_of_pickle(data: bytes | bytearray) -> int:
    """The length of a pickle that may be followed by a few bytes of padding.

    Pickles of this protocol are a chain of frames, between which large strings stand (PEP 3154).
    Those too short for a frame hold no full stop but the one that ends them.
    """
    at = _PROTOCOL_BYTES
    if data[at : at + 1] != pickle.FRAME:
        return data.index(pickle.STOP, at) + 1
    while at < len(data):
        width = _WIDTHS.get(bytes(data[at : at + 1]), 0)
        at += 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
        if len(data) - at <= _PADDING_MAX and data[at - 1 : at] == pickle.STOP:
            return at
    return len(data)
