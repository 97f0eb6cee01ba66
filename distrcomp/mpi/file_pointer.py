"""The shared file pointer: a number that node 0 of the file keeps, moved by anybody in one step.

It is a window of one number (see `window_protocol`), used without epochs: each operation is
answered. So it moves when node 0 is in any call of distrcomp, as windows do.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .window_messages import Kind, Message, contiguous
from .window_state import WinState

if TYPE_CHECKING:
    from ..communicator import Communicator

_NUMBER = struct.Struct("<q")
_REPLACE, _ADD = range(2)


def _combine(op: int, _element: int, into: memoryview, data: memoryview) -> None:
    (number,) = _NUMBER.unpack(data)
    if op == _ADD:
        number += _NUMBER.unpack(into)[0]
    _NUMBER.pack_into(into, 0, number)


class SharedPointer:
    """A number that all nodes of a communicator share.

    Args:
        core: a communicator, whose service it takes.
    """

    def __init__(self, core: Communicator) -> None:
        self._state = WinState(core, _combine)
        if core.node_id == 0:
            self._state.regions.attach(0, memoryview(bytearray(_NUMBER.size)))

    def move(self, by: int) -> int:
        """Adds to it; what it was before."""
        return self._change(_ADD, by)

    def put(self, number: int) -> None:
        """Sets it."""
        self._change(_REPLACE, number)

    def get(self) -> int:
        """What it is."""
        return self.move(0)

    def _change(self, op: int, number: int) -> int:
        fetched: list[int] = []
        data = memoryview(_NUMBER.pack(number))
        wanted = Message(Kind.GET_ACCUMULATE, op=op, layout=contiguous(0, _NUMBER.size), data=data)
        self._state.operate(0, wanted, lambda answer: fetched.append(_NUMBER.unpack(answer)[0]))
        self._state.wait(lambda: bool(fetched), (0,))
        return fetched[0]
