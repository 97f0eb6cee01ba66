"""The ceiling inside one machine: one memory copy of the same bytes.

Both nodes map one piece of memory. A message is a counter that goes up; the receiver, which looks
at it without pause, then copies the bytes out of the common memory into warm memory of its own. No
system call, no queue, no Python object is made: nothing that hands bytes over intact does less.

The memory has no name, so nothing can be left of it: it is a memfd, which the other node opens by
way of /proc, as it may because it is the same user's.
"""

from __future__ import annotations

import mmap
import os

from .patterns import Path

_HEADER_BYTES = 4096
# The counters' places, in words of 8 bytes: on cache lines far apart.
_COUNTERS = (0, 64)
# Looks at the counter before the processor is offered to others, who may need it to go on.
_LOOKS = 200


class SharedMemory:
    """One side of the common memory.

    Args:
        descriptor: the memfd; closed here.
        side: 0 or 1, the other node has the other.
    """

    def __init__(self, descriptor: int, side: int) -> None:
        try:
            memory = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        whole = memoryview(memory)
        self._counters = whole[:_HEADER_BYTES].cast("Q")
        self._data = whole[_HEADER_BYTES:]
        self._mine, self._theirs = _COUNTERS[side], _COUNTERS[1 - side]
        self._seen = 0

    def close(self) -> None:
        """Lets go of the memory; paths are of no more use."""
        self._counters.release()
        self._data.release()

    def path(self, payload_bytes: int) -> Path:
        """Moves messages of this size."""
        counters, mine, theirs = self._counters, self._mine, self._theirs
        source = self._data[:payload_bytes]
        own = memoryview(bytearray(b"\1") * payload_bytes)

        def send() -> None:
            counters[mine] += 1

        def receive() -> None:
            awaited = self._seen = self._seen + 1
            while counters[theirs] < awaited:
                for _ in range(_LOOKS):
                    if counters[theirs] >= awaited:
                        break
                else:
                    os.sched_yield()
            own[:] = source

        def swap() -> None:
            send()
            receive()

        return Path(send, receive, swap)


def make_memory(payload_bytes: int) -> int:
    """A descriptor of memory for messages up to this size; raises OSError."""
    descriptor = os.memfd_create("distrcomp-bench")
    try:
        os.ftruncate(descriptor, _HEADER_BYTES)
        with open(descriptor, "r+b", buffering=0, closefd=False) as file:
            file.seek(_HEADER_BYTES)
            part = b"\1" * min(payload_bytes, 2**20)
            for begin in range(0, payload_bytes, len(part) or 1):
                file.write(part[: payload_bytes - begin])
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_memory(process: int, descriptor: int) -> int:
    """The other node's memory, as a descriptor of our own; raises OSError."""
    return os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
