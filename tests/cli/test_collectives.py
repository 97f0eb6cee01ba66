"""Collectives of real nodes on one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.programs import run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

PROGRAM = (Path(__file__).parents[1] / "distrcomp" / "collectives" / "program.py").read_text()


@pytest.mark.parametrize("n_node", [1, 2, 5, 9])
def test_every_call(machine: Machine, n_node: int) -> None:
    """Each gives what it should, on the world, a copy of it and parts of it."""
    result = run_source(machine, PROGRAM, "-n", str(n_node))
    assert 0 == result.code, result
    assert n_node == result.out.count("all collectives as they should be")


def test_a_mismatch_is_the_runs_failure(machine: Machine) -> None:
    """The report begins with who is in which collective, at which lines (F-31)."""
    source = """
import distrcomp as dc
if dc.node_id == 1:
    dc.barrier()
dc.bcast("x")
dc.barrier()
"""
    result = run_source(machine, source, "-n", "3")
    assert 1 == result.code, result
    first = result.out.splitlines()[0]
    assert re.search("node [02] is in bcast #1 with root 0 at prog.py:5", first), first
    assert "node 1 is in barrier #1 at prog.py:4" in first


CORE = """
import distrcomp as dc
request = dc.ibarrier() if dc.node_id == 1 else dc.ibcast("x", root=1)
while not request.test():
    pass
request.wait()
"""
FACE = """
from distrcomp.mpi import MPI
comm = MPI.COMM_WORLD
request = comm.Ibarrier() if comm.rank == 1 else comm.Ibcast(bytearray(1), root=1)
MPI.Request.Waitany([request])
"""


@pytest.mark.parametrize("source", [CORE, FACE])
def test_a_mismatch_of_requests_is_the_runs_failure(machine: Machine, source: str) -> None:
    """Whichever way one waits for them, by the core or by mpi4py's face (F-31)."""
    result = run_source(machine, source, "-n", "2")
    assert 1 == result.code, result
    first = result.out.splitlines()[0]
    assert "node 0 is in bcast #1 with root 1 at " in first
    assert "node 1 is in barrier #1 at " in first


@pytest.mark.parametrize("last", ["", "dc.barrier()", "raise SystemExit(0)"])
def test_a_mismatch_that_nobody_waits_for_is_the_runs_failure(machine: Machine, last: str) -> None:
    """Two roots of one bcast go on, and what each was sent is unread at the end (F-31)."""
    source = f"""
import distrcomp as dc
dc.bcast("mine", root=dc.node_id)
{last}
"""
    result = run_source(machine, source, "-n", "2")
    assert 1 == result.code, result
    first = result.out.splitlines()[0]
    assert "node 0 is in bcast #1 with root 0" in first
    assert "node 1 is in bcast #1 with root 1" in first
    assert "at prog.py:3" in first


def test_a_collective_that_one_has_not_called_is_told_at_its_end(machine: Machine) -> None:
    """It may still call it until it ends, so that is a line and no failure; or what ends it."""
    source = """
import sys, distrcomp as dc
if dc.node_id == 0:
    dc.bcast("x")
    for node in range(1, dc.n_node):
        dc.send(node, "go on")
else:
    dc.recv()
if dc.node_id == 2:
    try:
        dc.close_connection()
    except dc.CollectiveMismatch as error:
        print("raised:", error)
"""
    result = run_source(machine, source, "-n", "3")
    assert 0 == result.code, result
    assert "distrcomp: node 0 is in bcast #1 with root 0, which node 1 has not called" in result.out
    assert "raised: node 0 is in bcast #1 with root 0, which node 2 has not called" in result.out


def test_a_node_that_dies_ends_a_barrier(machine: Machine) -> None:
    """The others don't wait for it (F-01)."""
    source = """
import os, signal, distrcomp as dc
dc.barrier()
if dc.node_id == 2:
    os.kill(os.getpid(), signal.SIGKILL)
dc.allreduce(1)
"""
    result = run_source(machine, source, "-n", "4")
    assert 128 + 9 == result.code, result
    assert "node 2 on localhost" in result.out.splitlines()[0]


def test_ctrl_c_by_an_alarm_ends_a_collective(machine: Machine) -> None:
    """What a signal's handler raises comes out of the collective that waits."""
    source = """
import signal, distrcomp as dc
def handle(*_):
    raise TimeoutError("enough")
if dc.node_id == 0:
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        dc.barrier()
    except TimeoutError as error:
        print("ended:", error)
    dc.send(1, "go on")
else:
    print(dc.recv(0))
"""
    result = run_source(machine, source, "-n", "2")
    assert 0 == result.code, result
    assert "ended: enough" in result.out
