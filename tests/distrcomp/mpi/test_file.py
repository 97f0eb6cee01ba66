"""Files that several nodes have open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from distrcomp.mpi import MPI

WORLD = MPI.COMM_WORLD
CREATE = MPI.MODE_RDWR | MPI.MODE_CREATE


def error_class(call: object, *arguments: object) -> int:
    """The class of the error that a call raises."""
    with pytest.raises(MPI.Exception) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.Get_error_class()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The path of a file that is not there yet: on all nodes that of node 0."""
    found: str = WORLD.bcast(str(tmp_path / "file"))
    return found


@pytest.fixture
def file(path: str) -> Iterator[MPI.File]:
    """A new file, open on all nodes, and closed in the end."""
    opened = MPI.File.Open(WORLD, path, CREATE)
    yield opened
    if opened:
        opened.Close()


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_each_writes_its_part(file: MPI.File, path: str) -> None:
    """Nodes write at offsets in a view of numbers; each reads what the next one wrote."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    file.Set_view(8, MPI.INT)
    status = MPI.Status()
    file.Write_at_all(2 * rank, np.array([rank, -rank], np.int32), status)
    assert status.Get_count(MPI.INT) == 2
    file.Sync()
    WORLD.Barrier()
    got = np.zeros(2, np.int32)
    other = (rank + 1) % size
    file.Read_at(2 * other, got)
    assert got.tolist() == [other, -other]
    assert Path(path).read_bytes()[:8] == bytes(8)
    assert file.Get_size() == 8 + 8 * size


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_interleaved_views(file: MPI.File) -> None:
    """Each node sees every third number of the file, beginning with its own rank."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    every = MPI.INT.Create_vector(1, 1, size).Create_resized(0, 4 * size).Commit()
    file.Set_view(4 * rank, MPI.INT, every)
    file.Write_all(np.full(5, rank, np.int32))
    assert file.Get_position() == 5
    assert file.Get_byte_offset(2) == 4 * rank + 2 * 4 * size
    file.Set_view(0, MPI.INT)
    got = np.zeros(5 * size, np.int32)
    file.Read_all(got)
    assert got.tolist() == list(range(size)) * 5
    every.Free()


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_shared_pointer(file: MPI.File) -> None:
    """What nodes write at the shared pointer lies behind each other, in any order and whole."""
    rank, size = WORLD.Get_rank(), WORLD.Get_size()
    file.Set_view(0, MPI.INT)
    for turn in range(5):
        file.Write_shared(np.array([rank, turn], np.int32))
    WORLD.Barrier()
    assert file.Get_position_shared() == 10 * size
    got = np.zeros(10 * size, np.int32)
    file.Read_at(0, got)
    pairs = sorted(map(tuple, got.reshape(-1, 2).tolist()))
    assert pairs == [(node, turn) for node in range(size) for turn in range(5)]


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_ordered(file: MPI.File) -> None:
    """Ordered writes of different lengths lie in the order of ranks, and are read in it."""
    rank = WORLD.Get_rank()
    file.Write_ordered(bytes([65 + rank]) * (rank + 1))
    file.Write_ordered_begin(b"-" if rank == 0 else b"")
    file.Write_ordered_end(b"")
    file.Seek_shared(0, MPI.SEEK_SET)
    got = bytearray(rank + 1)
    file.Read_ordered(got)
    assert got == bytes([65 + rank]) * (rank + 1)
    whole = bytearray(10)
    status = MPI.Status()
    file.Read_at(0, whole, status)
    assert whole[: status.Get_count()] == b"ABBCCC-"


@pytest.mark.processes
@pytest.mark.nodes(2)
def test_errors_are_everybodys(path: str) -> None:
    """A file that one node can't open is open on none, and different arguments are told."""
    rank = WORLD.Get_rank()
    assert error_class(MPI.File.Open, WORLD, path) == MPI.ERR_NO_SUCH_FILE
    mode = CREATE if rank == 0 else MPI.MODE_RDWR
    assert error_class(MPI.File.Open, WORLD, path, mode) == MPI.ERR_NOT_SAME
    file = MPI.File.Open(WORLD, path, CREATE | MPI.MODE_DELETE_ON_CLOSE)
    assert error_class(file.Set_size, rank) == MPI.ERR_NOT_SAME
    assert error_class(file.Set_atomicity, bool(rank)) == MPI.ERR_NOT_SAME
    assert error_class(file.Seek_shared, rank) == MPI.ERR_NOT_SAME
    file.Close()
    assert not Path(path).exists()


def test_pointers(file: MPI.File) -> None:
    """Seeking from begin, place and end, in units of etypes; reads stop at the end of the file."""
    file.Set_view(0, MPI.SHORT)
    file.Write(np.arange(10, dtype=np.int16))
    assert file.Get_position() == 10
    file.Seek(-3, MPI.SEEK_END)
    file.Seek(1, MPI.SEEK_CUR)
    got = np.full(5, -1, np.int16)
    status = MPI.Status()
    file.Read(got, status)
    assert status.Get_count(MPI.SHORT) == 2
    assert got.tolist() == [8, 9, -1, -1, -1]
    assert file.Get_position() == 10
    assert error_class(file.Seek, -1) == MPI.ERR_ARG
    assert error_class(file.Seek, 0, 7) == MPI.ERR_ARG
    assert error_class(file.Write, b"odd") == MPI.ERR_IO


def test_requests_tell_counts(file: MPI.File) -> None:
    """Non-blocking transfers are requests whose status has the count."""
    status = MPI.Status()
    file.Iwrite(b"12345").Wait(status)
    assert status.Get_count() == 5
    got = bytearray(9)
    file.Iread_at(2, got).Wait(status)
    assert (status.Get_count(), bytes(got[:3])) == (3, b"345")
    requests = [file.Iwrite_at(0, b"a"), file.Iwrite_shared(b"b"), file.Iwrite_all(b"c")]
    MPI.Request.Waitall(requests)
    file.Iread_at_all(0, got).Wait()
    assert got[:6] == b"b2345c"


def test_memory_with_holes(file: MPI.File) -> None:
    """A column in memory is written, and read into another column."""
    matrix = np.arange(12.0).reshape(3, 4)
    column = MPI.DOUBLE.Create_vector(3, 1, 4).Commit()
    file.Write_at(0, [matrix, 1, column])
    back = np.zeros((3, 4))
    file.Read_at(0, [back, 1, column])
    assert back[:, 0].tolist() == [0.0, 4.0, 8.0]
    column.Free()


def test_split_transfers_come_in_pairs(file: MPI.File) -> None:
    """A second begin, another end, and closing in between are errors."""
    file.Write_all_begin(b"abc")
    assert error_class(file.Read_all_begin, bytearray(3)) == MPI.ERR_OTHER
    assert error_class(file.Write_at_all_end, b"abc") == MPI.ERR_OTHER
    assert error_class(file.Close) == MPI.ERR_OTHER
    status = MPI.Status()
    file.Write_all_end(b"abc", status)
    assert status.Get_count() == 3
    assert error_class(file.Write_all_end, b"abc") == MPI.ERR_OTHER


def test_atomic_transfers(file: MPI.File) -> None:
    """In atomic mode transfers do what they do without it."""
    file.Set_atomicity(True)
    file.Write_at(3, b"abc")
    got = bytearray(6)
    file.Read_at(0, got)
    assert got == b"\0\0\0abc"


def test_modes(path: str) -> None:
    """What a file was not opened for is refused; appending begins at the end."""
    with MPI_file(path, MPI.MODE_WRONLY | MPI.MODE_CREATE) as file:
        file.Write(b"abc")
        assert error_class(file.Read, bytearray(1)) == MPI.ERR_ACCESS
    with MPI_file(path, MPI.MODE_RDONLY) as file:
        assert error_class(file.Write, b"x") == MPI.ERR_READ_ONLY
    with MPI_file(path, MPI.MODE_WRONLY | MPI.MODE_APPEND) as file:
        assert (file.Get_position(), file.Get_position_shared()) == (3, 3)
        file.Write(b"def")
    with MPI_file(path, MPI.MODE_RDONLY | MPI.MODE_SEQUENTIAL) as file:
        assert error_class(file.Seek, 0) == MPI.ERR_UNSUPPORTED_OPERATION
        got = bytearray(6)
        file.Read_shared(got)
        assert got == b"abcdef"
    MPI.File.Delete(path)
    assert error_class(MPI.File.Delete, path) == MPI.ERR_NO_SUCH_FILE


class MPI_file:  # noqa: N801
    """A file that is closed at the end of a block."""

    def __init__(self, path: str, amode: int) -> None:
        self.file = MPI.File.Open(MPI.COMM_SELF, path, amode)

    def __enter__(self) -> MPI.File:
        return self.file

    def __exit__(self, *_error: object) -> None:
        self.file.Close()


def test_wrong_views(file: MPI.File) -> None:
    """A view that can't be is refused, and the old one stays."""
    assert error_class(file.Set_view, -1) == MPI.ERR_ARG
    assert error_class(file.Set_view, 0, MPI.INT, MPI.SHORT) == MPI.ERR_TYPE
    assert error_class(file.Set_view, 0, MPI.INT, None, "external32") == (
        MPI.ERR_UNSUPPORTED_DATAREP
    )
    assert file.Get_view() == (0, MPI.BYTE, MPI.BYTE, "native")


def test_handlers_of_opening(path: str) -> None:
    """The handler of FILE_NULL is asked when a file can't be opened, and is what new files have."""
    told = []
    handler = MPI.File.Create_errhandler(lambda *given: told.append(given[1]))
    MPI.FILE_NULL.Set_errhandler(handler)
    try:
        assert error_class(MPI.File.Open, MPI.COMM_SELF, path) == MPI.ERR_NO_SUCH_FILE
        with MPI_file(path, CREATE) as file:
            assert file.Get_errhandler() == handler
            assert error_class(file.Seek, -1) == MPI.ERR_ARG
    finally:
        MPI.FILE_NULL.Set_errhandler(MPI.ERRORS_RETURN)
        handler.Free()
    assert told == [MPI.ERR_NO_SUCH_FILE, MPI.ERR_ARG]
    assert error_class(MPI.FILE_NULL.Get_size) == MPI.ERR_FILE


def test_representations_cannot_be_registered() -> None:
    """Register_datarep says that it is not supported."""
    with pytest.raises(NotImplementedError, match="Register_datarep"):
        MPI.Register_datarep("mine", None, None, None)
