"""distrcomp.memory: what large messages lie in, and when it comes back."""

from __future__ import annotations

import gc
import mmap
import pickle
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import codec, limits
from distrcomp.memory import POOLED_BYTES_MIN, Pool, lease

MIB = limits.MIB


def address(memory: Any) -> int:
    """Where the memory of an array or bytearray lies."""
    return np.frombuffer(memory, np.uint8).__array_interface__["data"][0]


def resident_bytes() -> int:
    """What this process has of the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def run(program: str) -> str:
    """What a fresh Python prints, on both its outputs."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("nbytes", [0, 1, 4095, 4096, POOLED_BYTES_MIN - 1, POOLED_BYTES_MIN, MIB])
def test_lease(nbytes: int) -> None:
    """Memory of any size is as long as asked for, writable, one-dimensional, of bytes."""
    view = memoryview(lease(nbytes))
    assert (nbytes, "B", 1, False) == (view.nbytes, view.format, view.ndim, view.readonly)
    view[:] = b"\xff" * nbytes


def test_recycled() -> None:
    """Large memory that was let go of serves the next message."""
    pool = Pool(16 * MIB)
    first = pool.lease(MIB)
    where = address(first)
    assert address(pool.lease(MIB)) != where
    del first
    assert address(pool.lease(MIB)) == where


class Subclass(np.ndarray):
    """An array of a type of the program's own."""


KEEPERS: dict[str, Callable[[Any], Any]] = {
    "array": lambda root: codec.arrays.rebuild(codec.arrays.describe(np.zeros(MIB // 8)), root),
    "view of a view": lambda root: np.ndarray(MIB, np.uint8, root)[1:][2:].view("u1"),
    "other type": lambda root: np.ndarray(MIB, np.uint8, root).view("i8").reshape(2, -1).T,
    "subclass": lambda root: np.ndarray(MIB, np.uint8, root).view(Subclass),
    "of a subclass": lambda root: (
        np.ndarray(MIB, np.uint8, root).view(Subclass)[5:].view(np.ndarray)
    ),
    "frombuffer": lambda root: np.frombuffer(np.ndarray(MIB, np.uint8, root), "i4"),
    "memoryview": lambda root: memoryview(memoryview(np.ndarray(MIB, np.uint8, root))[3:]),
    "array of a memoryview": lambda root: np.asarray(memoryview(root)[8:]),
    "codec view": lambda root: codec.decode(*codec.encode(memoryview(bytearray(MIB)))[:2], [root]),
    "in an object": lambda root: codec.decode(*codec.encode([np.zeros(MIB, "u1")])[:2], [root]),
    "read-only at its sender": lambda root: codec.decode(
        *codec.encode([np.broadcast_to(np.uint8(0), MIB)[:0], np.frombuffer(bytes(MIB), "u1")])[:2],
        [bytearray(), root],
    )[1:],
    "PickleBuffer": lambda root: pickle.PickleBuffer(np.ndarray(MIB, np.uint8, root)),
}


@pytest.mark.parametrize("name", KEEPERS)
def test_whatever_is_built_on_it_keeps_it(name: str) -> None:
    """No memory is recycled while anything still shows it; when that goes, it is."""
    pool = Pool(16 * MIB)
    root = pool.lease(MIB)
    alive = weakref.ref(root)
    where = address(root)
    keeper = KEEPERS[name](root)
    del root
    gc.collect()
    assert alive() is not None
    assert where != address(pool.lease(MIB))
    del keeper
    gc.collect()
    assert alive() is None
    assert where in {address(pool.lease(MIB)), address(pool.lease(MIB))}


def test_a_thousand_kept() -> None:
    """Arrays kept alive all have memory of their own, and lose nothing when others go."""
    pool = Pool(4 * MIB)
    kept = [pool.lease(POOLED_BYTES_MIN) for _ in range(1000)]
    for i, array in enumerate(kept):
        array[:] = i % 251
    del kept[::2]
    more = [pool.lease(POOLED_BYTES_MIN) for _ in range(100)]
    for array in more:
        array[:] = 255
    numbers = range(1, 1000, 2)
    assert [i % 251 for i in numbers] == [int(array.max()) for array in kept]
    assert [i % 251 for i in numbers] == [int(array.min()) for array in kept]


def test_memory_goes_back() -> None:
    """Beyond the bound, memory let go of is the system's again, without a further call."""
    pool = Pool(8 * MIB)
    kept = [pool.lease(MIB) for _ in range(64)]
    for array in kept:
        array[:] = 1
    del array
    before = resident_bytes()
    kept.clear()
    freed = before - resident_bytes()
    assert freed > 50 * MIB
    assert freed < 60 * MIB  # what the pool keeps is still there


def test_kept_memory_takes_no_room() -> None:
    """What a program keeps for good does not keep later messages from being recycled."""
    pool = Pool(8 * MIB)
    kept = [pool.lease(MIB) for _ in range(20)]
    seen = {address(pool.lease(MIB)) for _ in range(50)}
    assert len(seen) == 1
    assert len(kept) == 20


def test_larger_than_the_pool() -> None:
    """What is larger than the whole pool is lent all the same, and not kept."""
    pool = Pool(MIB)
    before = resident_bytes()
    array = pool.lease(32 * MIB)
    array[:] = 1
    assert resident_bytes() - before > 30 * MIB
    del array
    assert resident_bytes() - before < 4 * MIB


@given(st.integers(POOLED_BYTES_MIN, 2**30), st.integers(POOLED_BYTES_MIN, 2**30))
def test_little_is_wasted(first: int, second: int) -> None:
    """A block serves what it was made for or not much less, never what needs less than half."""
    pool = Pool(2**40)
    where = address(pool.lease(first))
    again = address(pool.lease(second))
    if first == second:
        assert where == again
    if second < first / 2:  # the free block is still mapped, so nothing else can lie there
        assert where != again


@pytest.mark.parametrize("nbytes", [2**50, 2**62, 2**63, 2**80])
def test_more_than_there_is(nbytes: int) -> None:
    """Memory that no machine has is a MemoryError, and the pool goes on."""
    pool = Pool(16 * MIB)
    with pytest.raises(MemoryError):
        pool.lease(nbytes)
    assert len(pool.lease(MIB)) == MIB


def test_death_within_a_lease() -> None:
    """Memory that garbage collection finds during a lease comes back without harm."""
    pool = Pool(16 * MIB)
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for i in range(300):
            ring: list[Any] = [pool.lease(MIB)]
            ring.append(ring)  # only the collector can find this
            ring[0][:8] = i % 256
            held = pool.lease(MIB)
            held[:8] = 255
            assert ring[0][:8].tolist() == [i % 256] * 8
    finally:
        gc.set_threshold(*threshold)


def test_threads() -> None:
    """Threads that lease, fill, check and drop at once never see each other's bytes."""
    pool = Pool(4 * MIB)
    wrong: list[str] = []

    def work(mark: int) -> None:
        held: list[Any] = []
        for turn in range(300):
            array = pool.lease(POOLED_BYTES_MIN + turn * 128)
            array[:] = mark
            held.append(array)
            if len(held) > 5:
                if not (held[turn % 5] == mark).all():
                    wrong.append(f"{mark} in turn {turn}")
                del held[: turn % 5]

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_without_numpy() -> None:
    """Where the program has no numpy, memory comes without it."""
    program = """
        import sys
        from distrcomp.memory import lease
        print(type(lease(10**6)).__name__, len(lease(10**6)), "numpy" in sys.modules)
    """
    assert run(program) == "bytearray 1000000 False\n"


def test_end_of_the_interpreter() -> None:
    """Arrays that live until the interpreter ends, or longer, end in silence."""
    program = """
        import atexit, builtins, numpy, sys, threading
        from distrcomp.memory import lease

        class Late:
            def __del__(self):
                del self.array

        late = Late(); late.array = lease(10**6)
        builtins.kept = lease(10**6); sys.kept = [lease(10**6)]; sys.kept.append(sys.kept)
        local = threading.local(); local.kept = lease(10**6)
        atexit.register(lambda array: lease(10**6), lease(10**6))
        print("end")
    """
    assert run(program) == "end\n"


def test_fork() -> None:
    """A forked child and its parent do not write into each other's memory, lent or free."""
    program = """
        import numpy, os
        from distrcomp.memory import lease

        kept = lease(10**6); kept[:] = 1
        dropped = lease(10**6); dropped[:] = 2
        del dropped
        child = os.fork()
        if child == 0:
            taken = lease(10**6); taken[:] = 3; kept[:] = 4
            os._exit(0)
        os.waitpid(child, 0)
        taken = lease(10**6)
        print(kept.min(), kept.max(), taken.min(), taken.max())
    """
    assert run(program) == "1 1 2 2\n"
