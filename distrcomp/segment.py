"""Shared memory for the nodes of one machine: their agent makes it and passes on its descriptor.

It never bears a name that another process could open or that could be left behind, and nothing of
it is touched here: memory that no message passes through costs nothing.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Sequence

from . import limits

_PAGE_BYTES = 4096
MACHINE = os.uname().machine if hasattr(os, "uname") else ""
STORES_IN_ORDER = ("x86_64",)
"""Processors that make stores visible in the order of the program (see links.ring)."""
_FENCED = ("aarch64", "arm64")
_POINTER_BYTES = struct.calcsize("P")
LINE_BYTES = 64
"""Each node keeps what it alone writes on a cache line of its own, in the order of local ids."""

Maker = Callable[[int], int]
"""Makes so many bytes of shared memory and returns a descriptor of them, or raises OSError."""


def ring_bytes(n_local: int) -> int:
    """The size of the ring between two of `n_local` nodes, one way.

    Example:
        >>> ring_bytes(2), ring_bytes(20), ring_bytes(128)
        (1048576, 163840, 16384)
    """
    share = min(max(limits.RINGS_BYTES // n_local**2, limits.RING_BYTES_MIN), limits.RING_BYTES_MAX)
    return share // _PAGE_BYTES * _PAGE_BYTES


def segment_bytes(n_local: int) -> int:
    """The size of the shared memory of `n_local` nodes: whole pages of headers, then the rings."""
    return ring_begin(n_local, n_local, 0)


def greetings_begin(n_local: int) -> int:
    """Where, behind the lines, each node has a byte for each other one (see links.greetings)."""
    return LINE_BYTES * n_local


def ring_begin(n_local: int, writer: int, reader: int) -> int:
    """Where the ring from one node to another begins; both by their local ids."""
    header_pages = -(-(greetings_begin(n_local) + n_local**2) // _PAGE_BYTES)
    return header_pages * _PAGE_BYTES + (writer * n_local + reader) * ring_bytes(n_local)


def create_segment(nbytes: int, makers: Sequence[Maker] | None = None) -> int:
    """A descriptor of `nbytes` bytes of shared memory, all zero; not inherited unless asked for.

    Args:
        nbytes: its size.
        makers: what to try, in this order; by default memory without a file, then a file in
            /dev/shm, then one in the temporary folder.

    Raises:
        OSError: none of them works; the last one's reason. Or the memory order of this processor
            is one for which `links.ring` has no argument.
    """
    require_known_order(MACHINE, _POINTER_BYTES)
    refusal = OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    for make in makers or (in_memory, in_shared_folder, in_temporary_folder):
        try:
            return make(nbytes)
        except OSError as error:
            refusal = error
    raise refusal


def require_known_order(machine: str, pointer_bytes: int) -> None:
    """Raises OSError if nobody has argued that rings work on such a processor.

    An interpreter of 32 bits stores a word by two instructions, on a kernel of 64 bits as well: a
    reader might see half a header.
    """
    if machine not in (*STORES_IN_ORDER, *_FENCED) or pointer_bytes != 8:
        bits = 8 * pointer_bytes
        raise OSError(
            errno.ENOSYS,
            f"no memory is shared on processors of the kind {machine!r} by Python of {bits} bits",
        )


def in_memory(nbytes: int) -> int:
    """Memory that is no file of any folder."""
    make = getattr(os, "memfd_create", None)
    if make is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    descriptor: int = make("distrcomp", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, nbytes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def in_shared_folder(nbytes: int) -> int:
    """A nameless file in /dev/shm."""
    return _in_folder("/dev/shm", nbytes)  # noqa: S108  the file has no name there


def in_temporary_folder(nbytes: int) -> int:
    """A nameless file in the temporary folder, which may lie on a disk."""
    return _in_folder(None, nbytes)


def _in_folder(folder: str | None, nbytes: int) -> int:
    """A file, 0600, that has no name or loses it at once.

    Its blocks are reserved now: where the folder is full that is an error here, and not a SIGBUS in
    the midst of a message.
    """
    import tempfile  # late: a node has no use for it

    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, nbytes)
        return os.dup(file.fileno())
