"""The ceiling inside one machine."""

from __future__ import annotations

import os
import threading

import pytest

from distrcomp.benchmark.patterns import BOTH_WAYS, ONE_WAY, THERE_AND_BACK, Pattern
from distrcomp.benchmark.shared_memory import SharedMemory, make_memory, open_memory


@pytest.mark.parametrize("pattern", [THERE_AND_BACK, ONE_WAY, BOTH_WAYS])
def test_every_pattern_runs_over_it(pattern: Pattern) -> None:
    """Two sides of one memory, for one size after the other."""
    descriptor = make_memory(100_000)
    one, other = SharedMemory(os.dup(descriptor), 0), SharedMemory(descriptor, 1)
    for size in (0, 1, 100_000):
        thread = threading.Thread(target=pattern.follow, args=(other.path(size), 20))
        thread.start()
        assert pattern.lead(one.path(size), 20) >= 0
        thread.join(10)
        assert not thread.is_alive()
    one.close()
    other.close()


def test_memory_is_opened_by_process_and_descriptor() -> None:
    """What one side writes the other one reads; the memory has no name anywhere."""
    mine = make_memory(3 * 2**20 + 5)
    theirs = open_memory(os.getpid(), mine)
    assert os.fstat(mine).st_ino == os.fstat(theirs).st_ino
    assert 0 == os.fstat(mine).st_nlink
    assert 4096 + 3 * 2**20 + 5 == os.fstat(theirs).st_size
    os.close(mine)
    os.close(theirs)


def test_memory_that_cannot_be_opened_is_an_oserror() -> None:
    """No such process: the caller tells why there is no ceiling."""
    with pytest.raises(OSError, match="No such file"):
        open_memory(2**22 + 1, 3)
