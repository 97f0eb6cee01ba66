"""Memory that a receive gives for its message, so that it arrives there straight; no I/O.

A receive that was posted with a target is matched, as any other, with the first message that it
takes. If that is one that the target has room for, just as it will lie there in the end, a link
may copy it straight there; else it arrives in memory of its own and is copied. Who has the message
sees by `holds` which of the two it was. A link that has begun to copy may give up and begin anew
later, so until a receive is over its memory may hold a part of a message that is still unread.
"""

from __future__ import annotations

import sys
from typing import Any

from . import arrays, views
from .codec import ARRAY, BYTEARRAY, BYTES, RAW
from .frames import Message

_SIZES = frozenset((BYTES, BYTEARRAY))


class Target:
    """Memory of a receive.

    Args:
        memory: writable bytes in one piece.
        description: that of the array of which they are (see `arrays`); None for a buffer.
        is_raw: takes raw messages of up to this size, and nothing else.
    """

    __slots__ = ("_description", "_is_raw", "_memory", "_used")

    def __init__(
        self, memory: memoryview, description: bytes | None = None, is_raw: bool = False
    ) -> None:
        self._memory = memory
        self._description = description
        self._is_raw = is_raw
        self._used: memoryview | None = None

    def memory_for(self, message: Message, nbytes: int) -> memoryview | None:
        """Where a message shall lie; None if it can't arrive here straight.

        Args:
            message: the message without its only buffer.
            nbytes: the size of that.
        """
        memory = self._memory
        if self._is_raw:
            fits = message.codec == RAW and nbytes <= memory.nbytes and not message.meta
        elif self._description is not None:
            fits = message.codec == ARRAY and message.meta == self._description
        else:
            fits = message.codec in _SIZES and not message.meta
        if not fits or (nbytes != memory.nbytes and not self._is_raw):
            return None
        self._used = memory if nbytes == memory.nbytes else memory[:nbytes]
        return self._used

    def holds(self, message: Message) -> bool:
        """Whether this message lies here."""
        return bool(message.buffers) and message.buffers[0] is self._used


def target_of(out: Any) -> Target | None:
    """The target that `recv(out=...)` gives; None where what comes has to be looked at first."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(out, numpy.ndarray):
        view = memoryview(out)
        if view.readonly or not view.c_contiguous or not view.nbytes:
            return None
        return Target(views.content(out))
    description = arrays.describe(out)
    if description is None or not out.flags.writeable or not out.nbytes:
        return None
    return Target(arrays.content(out), description)


def raw_target(memory: memoryview | None) -> Target | None:
    """The target that `recv_raw(into=...)` gives."""
    return Target(memory, is_raw=True) if memory is not None and memory.nbytes else None
