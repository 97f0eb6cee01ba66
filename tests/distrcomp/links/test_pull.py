"""distrcomp.links.pull: one process reads another's memory, where it may."""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import Any

import numpy as np
import pytest

from distrcomp.links import pull
from distrcomp.links.pull import address_of, let_others_read, read_memory

_END_OF_MEMORY = 2**47  # of a process on x86-64; elsewhere nothing lies there either


@pytest.mark.parametrize(
    "memory",
    [
        b"content",
        bytearray(b"content"),
        memoryview(b"content"),
        memoryview(bytearray(b"..content"))[2:],
        np.frombuffer(b"content", np.uint8),
        np.frombuffer(bytearray(b"content"), np.uint8),
        np.frombuffer(b"..content", np.uint8)[2:],
        memoryview(np.frombuffer(b"content", np.uint8)),
    ],
    ids=lambda memory: type(memory).__name__,
)
def test_address_of(memory: Any) -> None:
    """The address of any contiguous buffer, read-only ones too; nothing holds it afterwards."""
    before = sys.getrefcount(memory)
    found = bytearray(7)
    read_memory(os.getpid(), [(address_of(memory), found)])
    assert b"content" == found
    assert before == sys.getrefcount(memory)


def test_address_of_lets_go() -> None:
    """A bytearray whose address was asked for can change its size."""
    memory = bytearray(b"content")
    address_of(memory)
    memory.append(1)
    assert 8 == len(memory)


def test_address_of_what_has_none() -> None:
    """What is no buffer, or one with gaps, is an error."""
    with pytest.raises(TypeError):
        address_of("text")
    with pytest.raises((BufferError, ValueError)):
        address_of(np.zeros((4, 4), np.uint8)[:, ::2])
    with pytest.raises(BufferError):
        address_of(memoryview(b"abcdef")[::2])


@pytest.mark.parametrize("at_once", [1, 10, 1000])
def test_read_memory_in_pieces(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """What one call doesn't move comes by the next; nothing at all is read for nothing."""
    whole = pull._process_vm_readv

    def short(process: int, here: bytes, n_here: int, there: bytes, n_there: int, _: int) -> int:
        """Moves a few bytes of one piece, as a system that was interrupted."""
        lengths = struct.unpack(f"{2 * n_here}N", here)[1::2]
        index = next(index for index, length in enumerate(lengths) if length)
        moved = [
            struct.pack("2N", struct.unpack_from("N", iovec, 16 * index)[0], count)
            for iovec in (here, there)
            for count in [min(at_once, lengths[index])]
        ]
        got: int = whole(process, moved[0], 1, moved[1], 1, 0)
        return got

    monkeypatch.setattr(pull, "_process_vm_readv", short)
    memory = [bytes(range(95)), b"", bytes(range(7, 30))]
    found = [bytearray(len(each)) for each in memory]
    sources = [address_of(each) for each in memory]
    read_memory(os.getpid(), list(zip(sources, found, strict=True)))
    assert memory == found
    read_memory(os.getpid(), [(0, bytearray())])
    read_memory(os.getpid(), [])


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_read_memory_of_who_is_gone() -> None:
    """A process that has ended, reaped or not, is an OSError."""
    memory = bytes(100)
    child = os.fork()
    if not child:
        signal.pause()
    found = bytearray(100)
    read_memory(child, [(address_of(memory), found)])
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ProcessLookupError):
        read_memory(child, [(address_of(memory), found)])
    os.waitpid(child, 0)
    with pytest.raises(ProcessLookupError):
        read_memory(child, [(address_of(memory), found)])


def test_read_memory_that_ends() -> None:
    """Memory that ends before the message is an OSError."""
    with pytest.raises(OSError, match="Bad address"):
        read_memory(os.getpid(), [(_END_OF_MEMORY - 4096, bytearray(8192))])


def test_no_such_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without the call refuses like one that forbids it."""
    monkeypatch.setattr(pull, "_process_vm_readv", None)
    with pytest.raises(OSError, match="no process reads another's memory"):
        read_memory(os.getpid(), [(0, bytearray(1))])


def test_let_others_read() -> None:
    """Asking does no harm, once or twice, whatever Yama says."""
    let_others_read()
    let_others_read()
