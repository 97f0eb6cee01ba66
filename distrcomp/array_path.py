"""The short way of arrays inside a machine: what `fast_path` does for small objects, for these.

An array of up to a quarter of the ring is one record: how it begins is known by its dtype, shape
and strides (see links.array_record), and what follows is its memory. Larger ones, and objects that
hold arrays, go by `link_path`.
"""

from __future__ import annotations

from typing import Any

from .arrays import KNOWN, content, is_array_type, know_array
from .codec import ARRAY, encode
from .link_path import LinkPath
from .links.array_record import SMALL_BYTES_MAX
from .links.ring import CODEC_SHIFT, PUT_BYTES, STORES_ARE_ORDERED, RingWriter, fence

# They have a codec of their own. Numpy's array joins them with the first one that is sent.
OTHERS: set[type] = {bytearray, memoryview}
ARRAY_TYPES: set[type] = set()


class ArrayPath(LinkPath):
    """Sending arrays, for FastPath; see LongPath."""

    __slots__ = ("_asleep", "_bells")

    def _prepare(self) -> None:
        super()._prepare()
        bells = self._engine.bells
        self._bells: Any = bells  # never None where there are writers
        self._asleep: Any = None if bells is None else bells.asleep

    def _send_other(self, dest: int, obj: Any, tag: int) -> None:
        """Sends what plain pickle did not take, or not without buffers beside it."""
        if is_array_type(type(obj)):
            OTHERS.add(type(obj))
            ARRAY_TYPES.add(type(obj))
        self._send_encoded(dest, tag, encode(obj))

    def _send_array(
        self, writer: RingWriter, envelope: int, array: Any, dest: int, tag: int
    ) -> None:
        """Sends a plain array, up to a quarter of the ring in one record."""
        dtype = array.dtype
        known = KNOWN.get((dtype, array.shape, array.strides))
        if known is None or dtype.metadata is not None:
            known = know_array(array)
        if known is None or known[1] >= writer.record_words_max << 3:
            return self._send_encoded(dest, tag, encode(array))
        head, nbytes, is_c = known
        length = len(head) + nbytes
        header = envelope | ARRAY << CODEC_SHIFT
        is_small = nbytes <= SMALL_BYTES_MAX
        if is_small:  # telling tobytes the order would take longer than the rest of it
            data = head + (array.tobytes() if is_c else array.tobytes("A"))
        else:
            data = content(array)
        gate = self._gate
        is_put = not gate.taken
        if is_put:
            gate.taken = True
            try:
                position = writer.position
                beyond = position + (length + 15 >> 3)
                is_put = beyond < writer.end
                if is_put:
                    memory = writer.memory
                    if is_small:
                        PUT_BYTES[length](memory, position + 1 << 3, data, 0)
                    else:
                        begin = position + 1 << 3
                        middle = begin + len(head)
                        memory[begin:middle] = head
                        memory[middle : middle + nbytes] = data
                        writer.words[beyond] = 0
                    if not STORES_ARE_ORDERED:
                        fence()
                    writer.position = beyond
                    writer.words[position] = header
            finally:
                gate.taken = False
        if not is_put:
            return self._send_encoded(dest, tag, encode(array))
        if self._asleep[writer.bell]:
            self._bells.wake(writer.reader)
        if gate.interrupted:
            self._engine.check_interrupt()
        return None
