"""distrcomp.mpi.util_pkl5: communicators that keep buffers out of pickles."""

from __future__ import annotations

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.distrcomp.mpi.alone import output_of

pytestmark = pytest.mark.processes


def test_calls_on_nodes(machine: Machine) -> None:
    """Point-to-point and collective calls move objects with arrays between nodes."""
    source = """
import numpy as np
from mpi4py import MPI
from mpi4py.util import pkl5
comm = pkl5.Intracomm(MPI.COMM_WORLD)
rank, size = comm.Get_rank(), comm.Get_size()
big = {"a": np.full(200_000, rank, "i4"), "b": "text"}
request = comm.isend(big, (rank + 1) % size, tag=42)
status = MPI.Status()
got = comm.recv(None, (rank - 1) % size, 42, status)
request.wait()
assert (got["a"] == (rank - 1) % size).all() and got["a"].flags.writeable and status.tag == 42
requests = [comm.issend(big, (rank + 1) % size) for _ in range(2)]
received = [comm.mprobe().irecv() for _ in range(2)]
assert [each["b"] for each in pkl5.Request.waitall(received)] == ["text"] * 2
assert pkl5.Request.waitall(requests) == [None, None]
assert comm.bcast(big if rank == 1 else None, 1)["a"][0] == 1
assert [each["a"][0] for each in comm.allgather(big)] == list(range(size))
gathered = comm.gather(big, 2)
assert (gathered is None) == (rank != 2)
assert comm.scatter(gathered, 2)["a"][0] == rank
assert [each["a"][0] for each in comm.alltoall([big] * size)] == list(range(size))
other = comm.Dup()
assert type(other) is pkl5.Intracomm
assert other.sendrecv(big, (rank + 1) % size, source=(rank - 1) % size)["a"][0] == (rank - 1) % size
other.Free()
"""
    result = run_source(machine, source, "--mpi4py", "-n", "3")
    assert result.code == 0, result.out


def test_requests_and_messages() -> None:
    """They compare with MPI's own, are false when done, and carry objects."""
    code = """
from mpi4py import MPI
from mpi4py.util import pkl5
assert pkl5.Request() == MPI.REQUEST_NULL and not pkl5.Request()
assert pkl5.Message(MPI.MESSAGE_NO_PROC) == MPI.MESSAGE_NO_PROC != pkl5.Message()
comm = pkl5.Intracomm(MPI.COMM_SELF)
request = comm.issend([1], 0, 3)
assert request.test() == (False, None) and not request.get_status()
message = comm.improbe(0, 3)
assert message and request == pkl5.Request(request)
assert message.recv() == [1] and not message and request.wait() is None and not request
assert comm.improbe() is None and comm.recv(source=MPI.PROC_NULL) is None
try:
    comm.irecv()
except RuntimeError as error:
    print(error)
for call in (lambda: comm.scatter([1, 2]), lambda: comm.alltoall([])):
    try:
        call()
    except ValueError as error:
        print(error)
"""
    assert output_of(code) == (
        "irecv: pkl5 communicators have none; use mprobe and Message.irecv\n"
        "expecting 1 items, got 2\nexpecting 1 items, got 0\n"
    )
