"""Memory for what arrives, recycled once the program has let go of it.

A fresh large allocation is paid for page by page when it is first written, and that costs more
than the copy that brings the message. So large parts lie in blocks of anonymous memory, and a block
whose message has gone serves the next one. A block is lent as a one-dimensional array of bytes, its
*root*. Whatever is built on a message (arrays, views of them, memoryviews) holds the root: numpy
walks down a chain of bases to the last ndarray and no further. When the last of them goes, the root
dies, and its weak reference says so.

What always holds:

- A root lies directly on its mapping. Were it a slice of an array, numpy would let the program's
  arrays hold that one instead, and the root would die under them.
- A root dies in any thread, at any moment: by garbage collection even inside this module, or while
  the interpreter ends. So its death is one append to a deque, made by no Python code; the next
  `lease` reads the deque. Nobody waits for the lock: who finds it taken maps fresh memory.
- The pool knows blocks of `bytes_max` at most, lent and free together. To know a new one it forgets
  the one that was lent the longest time ago. A forgotten block that is free is unmapped at once;
  one that is lent is unmapped when its root dies, without the pool. So free memory never exceeds
  the bound, and what a program keeps for good takes no room from what comes and goes.
- A mapping is never closed, only forgotten: it ends with the last reference to it.
- The mappings are private, so after a fork the kernel copies what either side writes.

Sizes are rounded up by an eighth at most, and a free block may serve what needs two thirds of it,
so less than half of a block lies idle.

Tried and refused: sorting in what comes back at once, which needs a lock where none can be had and
swallows a Ctrl-C that arrives meanwhile; and the C library's own recycling, which is as good for
one array after another, but gives memory back to the system, to be paid for anew, whenever several
are dropped together (measured: ten of 128 KiB at 1.5 GB/s, from here 15), and always above 32 MiB.
"""

from __future__ import annotations

import mmap
import sys
import weakref
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import Any

from . import limits

POOLED_BYTES_MIN = 64 * limits.KIB
# Smaller ones are quicker to have from Python than from numpy.
_ARRAY_BYTES_MIN = 4 * limits.KIB
# A huge page is 2 MiB; a block smaller than two of them may hold none.
_HUGE_BYTES_MIN = 4 * limits.MIB
_HUGE_ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)  # not every system knows it


class _Lent(weakref.ref[Any]):
    """Notices the death of a root, and knows the block below it."""

    __slots__ = ("age", "mapping", "size")
    age: int
    mapping: mmap.mmap
    size: int


class Pool:
    """Blocks that have been lent and will be lent again.

    Args:
        bytes_max: how much the pool knows at most, and so may hold free, in bytes.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._returned: deque[_Lent] = deque()
        self._lock = Lock()
        # The rest is touched under the lock only.
        self._bytes = 0
        self._n_lent = 0
        self._known: dict[int, _Lent] = {}  # by age: the first was lent the longest time ago
        self._free: dict[int, dict[int, None]] = {}  # ages by size; the last came back last

    def lease(self, nbytes: int) -> Any:
        """`nbytes` of writable memory, its contents undefined: a 1-D uint8 array or a bytearray.

        Raises:
            MemoryError: there is not so much.
        """
        numpy = sys.modules.get("numpy")
        if numpy is None or nbytes < _ARRAY_BYTES_MIN:
            return _plain(nbytes)
        try:
            if nbytes < POOLED_BYTES_MIN:
                return numpy.empty(nbytes, numpy.uint8)
            size = _rounded(nbytes)
            if size <= self._bytes_max and self._lock.acquire(blocking=False):
                try:
                    return self._lend(nbytes, size, numpy)
                finally:
                    self._lock.release()
            return numpy.frombuffer(_map(size), numpy.uint8, nbytes)
        except (OSError, OverflowError):  # no such room, or no more mappings
            return _plain(nbytes)
        except AttributeError:  # another thread is just importing numpy
            return _plain(nbytes)

    def _lend(self, nbytes: int, size: int, numpy: Any) -> Any:
        returned, known, free = self._returned, self._known, self._free
        while returned:
            lent = returned.popleft()
            if lent.age in known:  # else it was forgotten meanwhile
                free.setdefault(lent.size, {})[lent.age] = None
        ages = free.get(size) or self._larger_free(size)
        if ages:
            lent = known.pop(ages.popitem()[0])
            mapping, size = lent.mapping, lent.size
            self._bytes -= size
        else:
            while known and self._bytes + size > self._bytes_max:
                self._forget_one()
            mapping = _map(size)
        root = numpy.frombuffer(mapping, numpy.uint8, nbytes)
        lent = _Lent(root, returned.append)
        self._n_lent = lent.age = self._n_lent + 1
        lent.mapping, lent.size = mapping, size
        known[lent.age] = lent
        self._bytes += size
        return root

    def _larger_free(self, size: int) -> dict[int, None] | None:
        """The free blocks of the next size that fits and is not much larger, if any."""
        largest = size + size // 2
        while (size := _rounded(size + 1)) <= largest:
            if ages := self._free.get(size):
                return ages
        return None

    def _forget_one(self) -> None:
        age = next(iter(self._known))
        lent = self._known.pop(age)
        self._bytes -= lent.size
        self._free.get(lent.size, {}).pop(age, None)


def _plain(nbytes: int) -> bytearray:
    try:
        return bytearray(nbytes)
    except OverflowError as error:
        raise MemoryError(f"no machine has {nbytes} bytes") from error


def _rounded(nbytes: int) -> int:
    """`nbytes` up to the next of the sizes, eight of which lie between powers of two."""
    step = 1 << ((nbytes - 1).bit_length() - 4)
    return -(-nbytes // step) * step


def _map(size: int) -> mmap.mmap:
    mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _HUGE_BYTES_MIN and _HUGE_ADVICE is not None:
        with suppress(OSError):  # a kernel built without huge pages
            mapping.madvise(_HUGE_ADVICE)
    return mapping


_POOL = Pool(limits.POOL_BYTES_MAX)
lease = _POOL.lease
