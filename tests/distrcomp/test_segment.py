"""distrcomp.segment: shared memory without a name."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.segment import (
    Maker,
    create_segment,
    in_memory,
    in_shared_folder,
    in_temporary_folder,
    require_known_order,
    ring_bytes,
    segment_bytes,
)

MAKERS = [in_memory, in_shared_folder, in_temporary_folder]


def refuse(_: int) -> int:
    """A maker that never can."""
    raise OSError(errno.ENOSPC, "no room")


def open_descriptors() -> set[str]:
    """What this process holds."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("make", MAKERS)
def test_memory(make: Maker) -> None:
    """It has the size, is zero, cannot be opened by others, has no name and is not inherited."""
    descriptor = make(3 * mmap.PAGESIZE)
    try:
        status = os.fstat(descriptor)
        assert 3 * mmap.PAGESIZE == status.st_size
        assert 0 == status.st_nlink
        assert 0o600 == stat.S_IMODE(status.st_mode)
        assert not os.get_inheritable(descriptor)
        one, other = mmap.mmap(descriptor, 0), mmap.mmap(descriptor, 0)
        assert bytes(3 * mmap.PAGESIZE) == one[:]
        one[mmap.PAGESIZE] = 7
        assert 7 == other[mmap.PAGESIZE]
        one.close()
        other.close()
    finally:
        os.close(descriptor)


def test_untouched_memory_costs_nothing() -> None:
    """The default has no page until one is written to."""
    descriptor = create_segment(2**30)
    try:
        assert 0 == os.fstat(descriptor).st_blocks
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("make", [in_shared_folder, in_temporary_folder])
def test_file_is_reserved(make: Maker) -> None:
    """A file has all its blocks at once, so that a full folder shows here."""
    descriptor = make(2**20)
    try:
        assert 2**20 <= 512 * os.fstat(descriptor).st_blocks
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("make", MAKERS)
def test_refusal_leaves_nothing(make: Maker) -> None:
    """Where it cannot be so large there is an error, and no descriptor stays open."""
    before = open_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            make(2**21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert before == open_descriptors()


def test_falls_back() -> None:
    """What cannot be made in one way is made in the next."""
    descriptor = create_segment(4096, [refuse, in_temporary_folder])
    assert 4096 == os.fstat(descriptor).st_size
    os.close(descriptor)


def test_no_way_left() -> None:
    """When none works the last one's reason is told."""
    with pytest.raises(OSError, match="no room") as raised:
        create_segment(4096, [refuse, refuse])
    assert errno.ENOSPC == raised.value.errno


@given(st.integers(1, 5000))
def test_sizes(n_local: int) -> None:
    """Headers and rings are whole pages; a ring is never too small for use, nor ever too large."""
    header_bytes = segment_bytes(n_local) - n_local**2 * ring_bytes(n_local)
    assert (0, 0) == (header_bytes % 4096, ring_bytes(n_local) % 4096)
    used = 64 * n_local + n_local**2
    assert used <= header_bytes < used + 4096
    assert 16 * 2**10 <= ring_bytes(n_local) <= 2**20
    assert n_local > 64 or segment_bytes(n_local) <= 64 * 2**20 + 8192


def test_size_of_two() -> None:
    """Two nodes: a page, and four rings of 256 KiB."""
    assert 4096 + 4 * 2**20 == segment_bytes(2)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "arm64"])
def test_processors_with_an_argument(machine: str) -> None:
    """Memory is shared where its order was thought through."""
    assert require_known_order(machine, 8) is None


@pytest.mark.parametrize("machine", ["riscv64", "ppc64le", "i686", ""])
def test_processors_without_one(machine: str) -> None:
    """Elsewhere it is not, and the reason names the processor."""
    with pytest.raises(OSError, match="kind") as refusal:
        require_known_order(machine, 8)
    assert repr(machine) in str(refusal.value)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_half_words(machine: str) -> None:
    """An interpreter of 32 bits, which stores a word in two halves, shares no memory."""
    with pytest.raises(OSError, match="Python of 32 bits"):
        require_known_order(machine, 4)
