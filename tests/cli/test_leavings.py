"""What a program leaves behind is told in the report."""

from __future__ import annotations

import pytest

from tests.cli.programs import run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

SOURCE = """
import distrcomp as dc
if dc.node_id == 0:
    dc.send(1, b"x" * 812, tag=8)
    dc.isend(1, b"x", tag=9)
"""
HEAD = "2 messages were sent and never received"
HINT = " (--debug says where they were sent)"
MESSAGES = (
    ":\n  node 1: 1 from node 0 with tag 8 (812 bytes{})\n"
    "  node 1: 1 from node 0 with tag 9 (1 byte{})\n"
)
REQUEST = "1 request was never waited for:\n  node 0: isend to node 1 with tag 9"


def test_messages_and_requests_are_told(machine: Machine) -> None:
    """A line for each kind, and the run has not failed."""
    result = run_source(machine, SOURCE, "-n", "2")
    assert 0 == result.code, result
    assert f"{HEAD}{HINT}{MESSAGES.format('', '')}{REQUEST}\n" in result.out


def test_live_output_tells_them_at_the_end(machine: Machine) -> None:
    """What came after the start stands on stderr; -q and raw output are silent."""
    result = run_source(machine, SOURCE, "-n", "2", "--output", "live")
    assert 0 == result.code, result
    assert f"distrcomp: {HEAD}{HINT}{MESSAGES.format('', '')}{REQUEST}\n" == result.err
    for options in (("--output", "live", "-q"), ("--output", "raw")):
        assert "" == run_source(machine, SOURCE, "-n", "2", *options).err


def test_strict_makes_them_a_failure_and_debug_tells_where(machine: Machine) -> None:
    """--strict: exit code 1, they lead the report; --debug: each send's file and line."""
    result = run_source(machine, SOURCE, "-n", "2", "--strict", "--debug")
    assert 1 == result.code
    places = (", sent at prog.py:4", ", sent at prog.py:5")
    told = f"failed by --strict: {HEAD}{MESSAGES.format(*places)}{REQUEST} at prog.py:5\n"
    assert result.out.startswith(told), result.out


@pytest.mark.parametrize("options", [(), ("--strict-sends",), ("--debug",)])
def test_a_program_that_leaves_nothing(machine: Machine, options: tuple[str, ...]) -> None:
    """Nothing is told, whatever way its messages go."""
    source = """
import distrcomp as dc
other = 1 - dc.node_id
request = dc.irecv(other, tag=1)
dc.send(other, list(range(100)), tag=1)
print(sum(request.wait()), dc.sendrecv(other, "x" * 100_000, other) == "x" * 100_000)
part = dc.split(0)
part.barrier()
print(part.allreduce(1), dc.bcast("b", 0))
part.free()
"""
    result = run_source(machine, source, "-n", "2", "--strict", "-q", *options)
    assert (0, 2) == (result.code, result.out.count("4950 True\n2 b\n")), result


def test_strict_sends_find_programs_that_rely_on_buffers(machine: Machine) -> None:
    """Both send first: it goes well by chance, and with --strict-sends it does not."""
    source = """
import distrcomp as dc
dc.send(1 - dc.node_id, "x")
print(dc.recv(timeout=60))
"""
    assert 0 == run_source(machine, source, "-n", "2").code
    strict = run_source(machine, source, "-n", "2", "--strict-sends")
    assert 1 == strict.code
    assert strict.out.startswith("Deadlock: nodes 0 and 1 wait for each other"), strict.out
    assert "node 0 waits in send(dest=1, tag=0) at prog.py:3" in strict.out
    assert "\nWith --strict-sends a send waits until it is received; without" in strict.out


def test_programs_for_mpi4py_are_accounted_for_alike(machine: Machine) -> None:
    """Messages and requests of the face count; a freed request and a buffered send are excused."""
    source = """
from mpi4py import MPI
world = MPI.COMM_WORLD
MPI.Attach_buffer(bytearray(10_000))
if world.rank == 0:
    world.Send(b"12345", dest=1, tag=3)
    world.isend("x", dest=1, tag=4).Free()
    world.bsend("x", dest=1, tag=5)
    pending = world.irecv(source=1, tag=6)
"""
    result = run_source(machine, source, "-n", "2", "--mpi4py", "--strict", "--strict-sends")
    assert 0 != result.code  # Send waits for ever: nobody receives
    result = run_source(machine, source, "-n", "2", "--mpi4py", "--strict")
    assert 1 == result.code
    assert result.out.startswith("failed by --strict: 3 messages were sent and never received")
    assert "1 request was never waited for:\n  node 0: irecv from node 1 with tag 6\n" in result.out
