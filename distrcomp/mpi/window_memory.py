"""Memory that the nodes of one machine share for a window, handed over without a name.

Node 0 makes it (a memfd, or whatever `segment` finds) and tells the others its process and
descriptor; they open it through /proc, which the kernel allows to the same user only. Before a node
believes that it has the right thing it compares machine, device and inode, and reads back a random
token. Node 0 closes its descriptor when all have theirs; so the kernel removes the memory with the
last mapping, whoever is killed.

*Refused:* `multiprocessing.shared_memory` (a name in /dev/shm, which a killed node leaves behind);
a Unix socket for SCM_RIGHTS (a second channel to prove, where the nodes have one already).
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..segment import create_segment
from .errors import ERR_RMA_SHARED, MPIException

if TYPE_CHECKING:
    from ..communicator import Communicator

_TOKEN_BYTES = 16
_ALIGNED_BYTES = 64  # where each node's part is to have a cache line of its own


class _Offer(NamedTuple):
    """Where node 0's memory is; a process of 0 says that it could not be made, and why."""

    machine: str
    process: int
    descriptor: int
    device: int
    inode: int
    nbytes: int
    token: bytes
    why: str = ""


def begins(sizes: Sequence[int], *, is_aligned: bool) -> list[int]:
    """Where the part of each node begins, and at last how long all are together.

    Args:
        is_aligned: parts have cache lines of their own; else each follows the one before at once,
            as MPI promises where nothing else is asked for (MPI-4.1, 12.2.3).

    Example:
        >>> begins([10, 20], is_aligned=False), begins([10, 20], is_aligned=True)
        ([0, 10, 30], [0, 64, 128])
    """
    found = [0]
    for size in sizes:
        end = found[-1] + size
        found.append(-(-end // _ALIGNED_BYTES) * _ALIGNED_BYTES if is_aligned else end)
    return found


def share(core: Communicator, nbytes: int) -> memoryview:
    """Memory of `nbytes` bytes, all zero, that all nodes of a communicator have in common.

    Collective.

    Raises:
        MPIException: ERR_RMA_SHARED, on all nodes, where one of them can't have it: it runs on
            another machine, or may not open what another process has.
    """
    if core.n_node == 1:
        alone, why = _mapped(-1, max(nbytes, 1))
        if alone is None:
            raise MPIException(ERR_RMA_SHARED, why)
        return alone[:nbytes]
    descriptor = -1
    offer = None
    try:
        if core.node_id == 0:
            descriptor, offer = _make(nbytes)
        memory, why = _open(core.bcast(offer), descriptor)
        refusals = core.allgather(why)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    for node, refusal in enumerate(refusals):
        if refusal:
            raise MPIException(ERR_RMA_SHARED, f"node {node}: {refusal}")
    if memory is None:
        raise MPIException(ERR_RMA_SHARED, why)
    return memory[:nbytes]


def _make(nbytes: int) -> tuple[int, _Offer]:
    token = secrets.token_bytes(_TOKEN_BYTES)
    try:
        descriptor = create_segment(nbytes + _TOKEN_BYTES)
    except OSError as error:
        return -1, _Offer("", 0, -1, 0, 0, 0, b"", f"no memory can be shared here ({error})")
    try:
        os.pwrite(descriptor, token, nbytes)
        found = os.fstat(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, _Offer(
        _machine(), os.getpid(), descriptor, found.st_dev, found.st_ino, nbytes, token
    )


def _open(offer: _Offer, own: int) -> tuple[memoryview | None, str]:
    """The memory that was offered, or why it can't be had."""
    if offer.why:
        return None, offer.why
    if own >= 0:
        return _mapped(own, offer.nbytes + _TOKEN_BYTES)
    if _machine() != offer.machine:
        return None, "it runs on another machine than node 0"
    try:
        descriptor = os.open(f"/proc/{offer.process}/fd/{offer.descriptor}", os.O_RDWR)
    except OSError as error:
        return None, f"it may not open the memory of node 0 ({error})"
    try:
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != (offer.device, offer.inode) or (
            os.pread(descriptor, _TOKEN_BYTES, offer.nbytes) != offer.token
        ):
            return None, "what it finds is not the memory of node 0"
        return _mapped(descriptor, offer.nbytes + _TOKEN_BYTES)
    except OSError as error:
        return None, f"it can't use the memory of node 0 ({error})"
    finally:
        os.close(descriptor)


def _mapped(descriptor: int, nbytes: int) -> tuple[memoryview | None, str]:
    try:
        return memoryview(mmap.mmap(descriptor, nbytes)), ""
    except (OSError, OverflowError) as error:
        return None, f"it can't have the common memory ({error})"


def _machine() -> str:
    """What tells this machine, since it was started, from every other; empty where nothing does."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
