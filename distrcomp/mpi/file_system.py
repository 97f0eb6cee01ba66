"""Bytes of a file on a disk: opening it, pieces of it, and MPI's names of what goes wrong.

A file is what every node's machine opens under its path; between machines that is a shared disk,
whose rules of who sees what when are its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import errors
from .constants import (
    MODE_APPEND,
    MODE_CREATE,
    MODE_DELETE_ON_CLOSE,
    MODE_EXCL,
    MODE_RDONLY,
    MODE_RDWR,
    MODE_SEQUENTIAL,
    MODE_UNIQUE_OPEN,
    MODE_WRONLY,
)
from .errors import MPIException

Runs = Sequence[tuple[int, int]]

# Pieces of a read that lie so close are read at once, holes and all.
_SIEVE_BYTES = 4 << 20

_ACCESS = {MODE_RDONLY: os.O_RDONLY, MODE_WRONLY: os.O_WRONLY, MODE_RDWR: os.O_RDWR}
_ALL_MODES = (
    MODE_RDONLY
    | MODE_WRONLY
    | MODE_RDWR
    | MODE_CREATE
    | MODE_EXCL
    | MODE_DELETE_ON_CLOSE
    | MODE_UNIQUE_OPEN
    | MODE_SEQUENTIAL
    | MODE_APPEND
)
_CLASSES = {
    errno.ENOENT: errors.ERR_NO_SUCH_FILE,
    errno.EEXIST: errors.ERR_FILE_EXISTS,
    errno.EACCES: errors.ERR_ACCESS,
    errno.EPERM: errors.ERR_ACCESS,
    errno.EROFS: errors.ERR_READ_ONLY,
    errno.ENOSPC: errors.ERR_NO_SPACE,
    errno.EDQUOT: errors.ERR_QUOTA,
    errno.ETXTBSY: errors.ERR_FILE_IN_USE,
    errno.EBUSY: errors.ERR_FILE_IN_USE,
    errno.EISDIR: errors.ERR_BAD_FILE,
    errno.ENOTDIR: errors.ERR_BAD_FILE,
    errno.ENAMETOOLONG: errors.ERR_BAD_FILE,
    errno.ELOOP: errors.ERR_BAD_FILE,
    errno.EFBIG: errors.ERR_NO_SPACE,
}


@contextmanager
def translated() -> Iterator[None]:
    """Has the system's errors raised by MPI's names."""
    try:
        yield
    except OSError as error:
        raise MPIException(class_of(error), str(error)) from None  # the detail says it all
    except OverflowError:
        raise MPIException(errors.ERR_ARG, "a place or size beyond what files have") from None


def class_of(error: OSError) -> int:
    """The error class of what the system says."""
    return _CLASSES.get(error.errno or 0, errors.ERR_IO)


def check_mode(amode: int) -> None:
    """Raises MPIException, ERR_AMODE, for a mode that contradicts itself (MPI-4.1, 14.2.1)."""
    access = amode & (MODE_RDONLY | MODE_WRONLY | MODE_RDWR)
    if access not in _ACCESS or amode & ~_ALL_MODES:
        why = "has to be exactly one of MODE_RDONLY, MODE_WRONLY and MODE_RDWR, and flags"
    elif access == MODE_RDONLY and amode & (MODE_CREATE | MODE_EXCL):
        why = "can't create what it only reads"
    elif access == MODE_RDWR and amode & MODE_SEQUENTIAL:
        why = "is sequential, so either reads or writes"
    else:
        return
    raise MPIException(errors.ERR_AMODE, f"the mode {amode} {why}")


def open_file(path: str | bytes, amode: int, *, is_first: bool) -> int:
    """A descriptor of the file.

    Args:
        is_first: this node is the one that creates it, if somebody has to.
    """
    flags = _ACCESS[amode & (MODE_RDONLY | MODE_WRONLY | MODE_RDWR)]
    if is_first and amode & MODE_CREATE:
        flags |= os.O_CREAT
        if amode & MODE_EXCL:
            flags |= os.O_EXCL
    return os.open(path, flags | os.O_CLOEXEC, 0o666)


def read(descriptor: int, runs: Runs, into: memoryview) -> int:
    """Reads pieces of a file one after the other; how many bytes until its end."""
    done = 0
    index = 0
    while index < len(runs):
        begin, length = runs[index]
        last = index
        while last + 1 < len(runs) and begin <= runs[last + 1][0] < begin + _SIEVE_BYTES:
            last += 1
        if last == index:
            got = _read_piece(descriptor, begin, into[done : done + length])
            done += got
            if got < length:
                return done
        else:
            end = max(sum(run) for run in runs[index : last + 1])
            whole = memoryview(bytearray(end - begin))
            there = _read_piece(descriptor, begin, whole)
            for offset, length in runs[index : last + 1]:
                got = min(max(0, begin + there - offset), length)
                at = offset - begin
                into[done : done + got] = whole[at : at + got]
                done += got
                if got < length:
                    return done
        index = last + 1
    return done


def write(descriptor: int, runs: Runs, data: memoryview) -> None:
    """Writes pieces of a file one after the other, and nothing between them."""
    done = 0
    for offset, length in runs:
        while length:
            n = os.pwrite(descriptor, data[done : done + length], offset)
            done, offset, length = done + n, offset + n, length - n


@contextmanager
def locked(descriptor: int, runs: Runs, *, for_writing: bool) -> Iterator[None]:
    """Keeps other processes from the span of these pieces: for atomic mode.

    The lock is the kernel's record lock, which binds those who ask for one.
    """
    if not runs:
        yield
        return
    begin = min(offset for offset, _ in runs)
    nbytes = max(offset + length for offset, length in runs) - begin
    kind = fcntl.LOCK_EX if for_writing else fcntl.LOCK_SH
    fcntl.lockf(descriptor, kind, nbytes, begin, os.SEEK_SET)
    try:
        yield
    finally:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, nbytes, begin, os.SEEK_SET)


def _read_piece(descriptor: int, offset: int, into: memoryview) -> int:
    done = 0
    while done < len(into):
        n = os.preadv(descriptor, [into[done:]], offset + done)
        if not n:
            break
        done += n
    return done
