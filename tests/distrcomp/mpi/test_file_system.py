"""Pieces of files, and MPI's names of what the system refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from distrcomp.mpi import MPI, file_system


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    """An open file of the bytes 0 to 99."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    opened = file_system.open_file(str(path), MPI.MODE_RDWR, is_first=True)
    yield opened
    os.close(opened)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], []),
        ([(3, 4)], [3, 4, 5, 6]),
        ([(3, 2), (10, 1), (20, 2)], [3, 4, 10, 20, 21]),
        ([(20, 2), (3, 2)], [20, 21, 3, 4]),
        ([(98, 4)], [98, 99]),
        ([(97, 1), (99, 2), (120, 3)], [97, 99]),
        ([(200, 5)], []),
    ],
)
def test_read(descriptor: int, runs: list[tuple[int, int]], expected: list[int]) -> None:
    """Pieces are read in their order, up to the end of the file."""
    into = bytearray(sum(length for _, length in runs))
    nbytes = file_system.read(descriptor, runs, memoryview(into))
    assert list(into[:nbytes]) == expected


def test_distant_pieces(descriptor: int) -> None:
    """Pieces that lie far apart are read one by one."""
    os.pwrite(descriptor, b"end", 6 << 20)
    into = bytearray(4)
    runs = [(1, 1), ((6 << 20), 3)]
    assert file_system.read(descriptor, runs, memoryview(into)) == 4
    assert into == b"\1end"


def test_write_touches_nothing_else(descriptor: int) -> None:
    """What lies between the pieces that are written stays as it was."""
    file_system.write(descriptor, [(1, 2), (5, 1)], memoryview(b"abc"))
    assert os.pread(descriptor, 7, 0) == b"\0ab\3\4c\6"


@pytest.mark.parametrize(
    "amode",
    [
        0,
        MPI.MODE_RDONLY | MPI.MODE_RDWR,
        MPI.MODE_RDONLY | MPI.MODE_CREATE,
        MPI.MODE_RDONLY | MPI.MODE_EXCL,
        MPI.MODE_RDWR | MPI.MODE_SEQUENTIAL,
        MPI.MODE_RDONLY | 1 << 20,
    ],
)
def test_modes_that_contradict_themselves(amode: int) -> None:
    """A mode that can't be is refused."""
    with pytest.raises(MPI.Exception) as caught:
        file_system.check_mode(amode)
    assert caught.value.Get_error_class() == MPI.ERR_AMODE


@pytest.mark.parametrize(
    ("path", "amode", "expected"),
    [
        ("missing", MPI.MODE_RDONLY, MPI.ERR_NO_SUCH_FILE),
        ("there", MPI.MODE_WRONLY | MPI.MODE_CREATE | MPI.MODE_EXCL, MPI.ERR_FILE_EXISTS),
        (".", MPI.MODE_RDWR, MPI.ERR_BAD_FILE),
        ("there/below", MPI.MODE_RDONLY, MPI.ERR_BAD_FILE),
        ("x" * 300, MPI.MODE_RDONLY, MPI.ERR_BAD_FILE),
    ],
)
def test_names_of_errors(tmp_path: Path, path: str, amode: int, expected: int) -> None:
    """What the system says when a file is opened has its class of MPI's."""
    (tmp_path / "there").write_bytes(b"")
    with pytest.raises(MPI.Exception) as caught, file_system.translated():
        file_system.open_file(str(tmp_path / path), amode, is_first=True)
    assert caught.value.Get_error_class() == expected


def test_locks_keep_other_processes_out(descriptor: int) -> None:
    """A span that is locked for writing can't be locked by another process, and then can."""

    def is_free_elsewhere() -> bool:
        child = os.fork()
        if child == 0:
            try:
                os.lockf(descriptor, os.F_TEST, 1)
            except OSError:
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    os.lseek(descriptor, 12, os.SEEK_SET)
    assert is_free_elsewhere()
    with file_system.locked(descriptor, [(10, 2), (15, 1)], for_writing=True):
        assert not is_free_elsewhere()
    assert is_free_elsewhere()
    with file_system.locked(descriptor, [], for_writing=True):
        assert is_free_elsewhere()


def test_places_beyond_what_files_have() -> None:
    """A number that the system can't take is an error of the argument."""
    with pytest.raises(MPI.Exception) as caught, file_system.translated():
        os.truncate(os.devnull, 2**64)
    assert caught.value.Get_error_class() == MPI.ERR_ARG
