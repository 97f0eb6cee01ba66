"""distrcomp programs that mpiexec has started: the whole of a job, from import to exit code."""

from __future__ import annotations

import json
import os

import pytest

from tests.command import Machine
from tests.mpi.conftest import Start
from tests.mpi_stacks import Stack

pytestmark = pytest.mark.processes


def test_ids_are_known_at_import(start: Start) -> None:
    """Node id and number of nodes are right before MPI is loaded, and confirmed by MPI."""
    code = (
        "import distrcomp as dc, sys\n"
        "light = not {'mpi4py', 'numpy', 'typing', 'socket'} & set(sys.modules)\n"
        "place = dc.node_id, dc.n_node\n"
        "dc.setup_connection()\n"
        "from mpi4py import MPI\n"
        "real = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size\n"
        "print(light, place, real, place == (dc.world.node_id, dc.world.n_node))\n"
    )
    done = start(3, code).wait()
    lines = [f"True {(node, 3)} {(node, 3)} True" for node in range(3)]
    assert (0, lines, "") == (done.code, sorted(done.out.splitlines()), done.err)


def test_messages_of_all_kinds(start: Start) -> None:
    """Objects and arrays of all sizes, both ways at once, from anybody, by all calls."""
    code = """
import distrcomp as dc, numpy as np
me, n = dc.node_id, dc.n_node
right, left = (me + 1) % n, (me - 1) % n
for size in (0, 1, 1000, 100_000, 9_000_000):
    mine = np.full(size, me, np.uint8)
    got = dc.sendrecv(right, {"a": mine, "b": [size]}, left)
    assert got["b"] == [size] and (got["a"] == left).all() and got["a"].flags.writeable
    dc.send(right, mine)
    mine[:] = 99  # it is ours again
    out = np.empty(size, np.uint8)
    assert dc.recv(left, out=out) is out and (out == left).all()
for other in range(n):
    dc.isend(other, ("from", me), tag=5)
assert sorted(dc.recv(tag=5) for _ in range(n)) == [("from", each) for each in range(n)]
request = dc.irecv(left, tag=7)
dc.ssend(right, "matched", tag=7) if me % 2 else None
dc.ssend(right, "matched", tag=7) if not me % 2 else None
assert request.wait(timeout=30) == "matched"
matched = (dc.send(me, b"123"), dc.mprobe(me))[1]
assert matched.status.payload_bytes == 3 and matched.recv() == b"123"
try:
    dc.recv(left, timeout=0.05)
except (dc.RecvTimeout, dc.NodeLost):
    print("done", me)
"""
    done = start(4, code).wait()
    assert (0, "") == (done.code, done.err)
    assert [f"done {node}" for node in range(4)] == sorted(done.out.splitlines())


def test_send_returns_while_the_receiver_computes(start: Start, machine: Machine) -> None:
    """`send` keeps what its receiver does not take, and it goes on while the sender computes."""
    os.mkfifo(machine.work_dir / "fifo")
    code = """
import distrcomp as dc, numpy as np
a = np.arange(4_000_000)
if dc.node_id == 0:
    dc.send(1, a)
    a[:] = 0
    dc.send(1, "sent")
    open("fifo").read()  # waits, and makes no call
else:
    assert (dc.recv(0) == np.arange(4_000_000)).all() and dc.recv(0) == "sent"
    open("fifo", "w").close()
"""
    done = start(2, code).wait()
    assert (0, "", "") == (done.code, done.out, done.err)


def test_threads(start: Start) -> None:
    """Several threads of a node call at once, and other threads compute."""
    code = """
import distrcomp as dc, threading
def talk(tag):
    other = 1 - dc.node_id
    for number in range(200):
        dc.send(other, (tag, number), tag=tag)
        assert dc.recv(other, tag) == (tag, number)
threads = [threading.Thread(target=talk, args=(tag,)) for tag in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    done = start(2, code).wait()
    assert (0, "", "") == (done.code, done.out, done.err)


def test_a_failing_node_ends_the_job(start: Start) -> None:
    """Its traceback is printed, the others' calls raise, `finally` runs, the exit code is ours."""
    code = """
import distrcomp as dc
dc.sendrecv((dc.node_id + 1) % 3, 0, (dc.node_id - 1) % 3)
try:
    if dc.node_id == 1:
        raise ValueError("it failed")
    dc.recv(0 if dc.node_id else 2)
finally:
    print("finally", dc.node_id, flush=True)
"""
    done = start(3, code).wait()
    assert 1 == done.code
    assert ["finally 0", "finally 1", "finally 2"] == sorted(done.out.splitlines())[:3]
    told = done.out + done.err  # MPICH's mpiexec prints stderr apart, prterun as well; both may
    assert 1 == told.count("Traceback")
    assert "ValueError: it failed" in told
    assert 2 == told.count("distrcomp: stopped at prog.py:7: node 1 on ")


def test_who_computes_is_ended(start: Start) -> None:
    """A node that makes no call is ended all the same."""
    code = """
import distrcomp as dc, signal
dc.sendrecv(1 - dc.node_id, 0, 1 - dc.node_id)
if dc.node_id == 1:
    raise ValueError("it failed")
signal.pause()
"""
    assert 1 == start(2, code).wait().code


@pytest.mark.parametrize("code", [0, 3])
def test_exit_codes(start: Start, code: int) -> None:
    """The job's exit code is its nodes'; who ends early lets the others go on."""
    text = f"""
import distrcomp as dc, sys
if dc.node_id == 0:
    sys.exit({code})
dc.sendrecv(3 - dc.node_id, 0, 3 - dc.node_id)
print("done", dc.node_id)
"""
    done = start(3, text).wait()
    assert (code, ["done 1", "done 2"]) == (done.code, sorted(done.out.splitlines())[:2])


def test_who_has_ended_is_lost(start: Start) -> None:
    """A call that waits for a node which has finished raises NodeLost."""
    code = """
import distrcomp as dc
if dc.node_id == 0:
    dc.send(1, "last")
else:
    print(dc.recv(0))
    try:
        dc.recv(0)
    except dc.NodeLost as error:
        print(str(error).partition(": ")[2])
"""
    done = start(2, code).wait()
    told = "last\nit has finished: it sends and receives no more\n"
    assert (0, told, "") == (done.code, done.out, done.err)


def test_failing_before_the_first_call(start: Start) -> None:
    """The others, who wait for this node to join, are ended with it."""
    code = "import distrcomp as dc\nif dc.node_id == 1:\n    1 / 0\ndc.recv()\n"
    done = start(2, code).wait()
    assert done.code
    assert 1 == (done.out + done.err).count("ZeroDivisionError: division by zero")


def test_failing_while_the_others_compute(start: Start) -> None:
    """They have not come to their first call, and are ended all the same."""
    code = "import distrcomp as dc, signal\nif dc.node_id == 1:\n    1 / 0\nsignal.pause()\n"
    assert start(2, code).wait().code


def test_ctrl_c(start: Start) -> None:
    """Ctrl-C ends a job whose nodes wait for each other."""
    code = """
import distrcomp as dc
dc.sendrecv(1 - dc.node_id, 0, 1 - dc.node_id)
print("waits", flush=True)
dc.recv(tag=3)
"""
    job = start(2, code)
    job.wait_for_line("waits")
    job.interrupt()
    assert job.wait().code


def test_children_are_outside(start: Start) -> None:
    """What a node starts or forks is no node, though it has the launcher's variables."""
    code = """
import distrcomp as dc, os, subprocess, sys
child = "import distrcomp as dc\\ntry: dc.recv()\\nexcept dc.OutsideRun: print('outside')\\n"
for when in ("before", "after"):
    subprocess.run([sys.executable, "-c", child])
    if os.fork():
        os.wait()
    else:
        exec(child)
        sys.stdout.flush()
        os._exit(0)
    dc.setup_connection()
"""
    done = start(2, code).wait()
    assert (0, "outside\n" * 8, "") == (done.code, done.out, done.err)


def test_mpi4py_beside_it(start: Start) -> None:
    """A program may use mpi4py itself: neither sees the other's messages."""
    code = """
import distrcomp as dc
from mpi4py import MPI
comm, other = MPI.COMM_WORLD, 1 - dc.node_id
dc.send(other, "ours", tag=0)
request = comm.isend("theirs", other, tag=0)
assert comm.recv(source=MPI.ANY_SOURCE) == "theirs" and dc.recv() == "ours"
request.wait()
"""
    done = start(2, code).wait()
    assert (0, "", "") == (done.code, done.out, done.err)


def test_explicit_end(start: Start) -> None:
    """After close_connection() calls raise, and MPI may be finalised by the program itself."""
    code = """
import distrcomp as dc
dc.send(1 - dc.node_id, "x")
assert dc.recv() == "x"
dc.close_connection()
try:
    dc.recv()
except dc.WorldClosed:
    from mpi4py import MPI
    MPI.COMM_WORLD.Barrier()
    MPI.Finalize()
"""
    done = start(2, code).wait()
    assert (0, "", "") == (done.code, done.out, done.err)


def test_one_thread_only(start: Start) -> None:
    """An MPI that allows one thread is refused by name."""
    code = """
import mpi4py
mpi4py.rc.thread_level = "single"
import distrcomp as dc
try:
    dc.setup_connection()
except dc.OutsideRun as error:
    print(error)
    from mpi4py import MPI
    assert MPI.Query_thread() == MPI.THREAD_SINGLE
else:
    print("MPI gave more than was asked for")
"""
    done = start(2, code).wait()
    assert 0 == done.code
    assert all("mpi4py.rc" in line or "gave more" in line for line in done.out.splitlines())


def test_a_wrong_launcher_is_named(start: Start, stack: Stack) -> None:
    """Where launcher and MPI disagree the error says both."""
    code = (
        "import os, json\n"
        "wrong = {'OMPI_COMM_WORLD_RANK': '5', 'OMPI_COMM_WORLD_SIZE': '9'}\n"
        "os.environ.update(wrong)\n"
        "import distrcomp as dc\n"
        "try:\n    dc.recv()\nexcept dc.OutsideRun as error:\n    print(json.dumps(str(error)))\n"
    )
    done = start(2, code).wait()
    said = [json.loads(line) for line in done.out.splitlines()]
    assert 2 == len(said)
    assert all(" is node 5 of 9, MPI that it is " in each for each in said)


def test_collectives(start: Start) -> None:
    """All of them give what they give everywhere, by MPI's own where arrays are large."""
    code = """
import distrcomp as dc, numpy as np
me, n = dc.node_id, dc.n_node
dc.barrier()
assert dc.bcast({"a": me}, 1) == {"a": 1}
assert dc.gather(me, 2) == (list(range(n)) if me == 2 else None)
assert dc.scatter([i * i for i in range(n)] if me == 0 else None) == me * me
assert dc.allgather(str(me)) == [str(i) for i in range(n)]
assert dc.alltoall([(me, i) for i in range(n)]) == [(i, me) for i in range(n)]
assert dc.allreduce(me) == n * (n - 1) // 2 and dc.scan(1) == me + 1
for dtype in (np.int32, np.float64, np.complex64):
    for size in (0, 1, 3000, 70_000, 2_200_003):
        a = (np.arange(size) % 7).astype(dtype) + me
        ours = ((np.arange(size) % 7).astype(dtype) + i for i in range(n))
        want = sum(ours, np.zeros(size, dtype))
        out = np.empty(size, dtype)
        assert dc.allreduce(a, out=out) is out and np.allclose(out, want)
        assert np.allclose(dc.allreduce(a), want)
        got = dc.reduce(a, root=1)
        assert got is None if me != 1 else np.allclose(got, want)
        b = dc.bcast(a if me == 2 else None, 2)
        assert (b == (np.arange(size) % 7).astype(dtype) + 2).all() and b.dtype == dtype
        b = dc.bcast(a, 0, out=out)
        assert (b == (np.arange(size) % 7).astype(dtype)).all()
part = dc.split(me % 2, -me)
big = np.full(100_000, 1.0)
assert (part.allreduce(big) == part.n_node).all()
assert (part.bcast(big * me) == part.bcast(me)).all() and part.n_node < n
assert (dc.iallreduce(big).wait() == n).all()
assert (dc.allreduce(big, dc.MAX) == 1).all()
assert (dc.allreduce(big[::2]) == n).all()
"""
    done = start(3, code).wait()
    assert (0, "", "") == (done.code, done.out, done.err)


def test_different_collectives_are_told(start: Start) -> None:
    """Where nodes contribute different arrays, or are elsewhere, none is lost inside MPI."""
    code = """
import distrcomp as dc, numpy as np
for mine in (np.ones(2_200_000 + dc.node_id), np.ones(2_200_000, "if"[dc.node_id])):
    try:
        dc.allreduce(mine)
    except dc.CollectiveMismatch as error:
        print("node 0" in str(error), "node 1" in str(error), "2200000" in str(error))
try:
    dc.bcast(np.ones(2_200_000)) if dc.node_id else dc.barrier()
except dc.CollectiveMismatch as error:
    print("bcast" in str(error), "barrier" in str(error), "prog.py:9" in str(error))
dc.send(1 - dc.node_id, "last")
dc.recv()
"""
    done = start(2, code).wait()
    assert (0, "True True True\n" * 6, "") == (done.code, done.out, done.err)
