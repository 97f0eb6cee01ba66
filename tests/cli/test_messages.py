"""Messages between the nodes of one machine."""

from __future__ import annotations

import pytest

from tests.cli.programs import blocks, run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

BAD_CALLS = """
import threading, distrcomp as dc
def refused(act):
    try:
        act()
    except dc.CallError as error:
        print(type(error).__name__, error)
if dc.node_id == 0:
    refused(lambda: dc.send(2, "x"))
    refused(lambda: dc.send(-1, "x"))
    refused(lambda: dc.send(1, threading.Lock()))
    refused(lambda: dc.send(1, "x", tag=-2))
    refused(lambda: dc.recv(5))
    dc.send(1, "still whole")
else:
    print(dc.recv(0))
dc.close_connection()
refused(lambda: dc.send(0, "x"))
refused(lambda: dc.recv(0))
"""


def test_wrong_calls_raise_at_the_caller_and_leave_the_run_intact(machine: Machine) -> None:
    """Unknown nodes, unpicklable objects, bad tags and a closed world are named; the rest works."""
    result = run_source(machine, BAD_CALLS, "-n", "2")
    assert 0 == result.code, result
    first, second = blocks(result.out).values()
    assert "NoSuchNode there is no node 2 here: node ids are 0 to 1" in first
    assert "NoSuchNode there is no node -1" in first
    assert "Unpicklable an object of type _thread.lock cannot be sent" in first
    assert "BadTag -2 is no tag" in first
    assert "still whole" in second
    assert 4 == result.out.count("WorldClosed")


def test_two_nodes_send_each_other_a_gibibyte_at_once(machine: Machine) -> None:
    """Both finish, and what arrives is whole (F-25)."""
    source = """
import numpy as np, distrcomp as dc
mine = np.full(2**27, dc.node_id, np.float64)
dc.send(1 - dc.node_id, mine)
other = dc.recv(1 - dc.node_id)
print(other.nbytes, (other == 1 - dc.node_id).all(), other.flags.writeable)
"""
    result = run_source(machine, source, "-n", "2")
    assert 0 == result.code, result
    assert 2 == result.out.count("1073741824 True True")


def test_any_source_and_any_tag(machine: Machine) -> None:
    """Messages from all nodes come to a receive that takes any; tags choose among them."""
    source = """
import distrcomp as dc
if dc.node_id:
    dc.send(0, dc.node_id, tag=dc.node_id)
    dc.send(0, "late", tag=99)
else:
    print(sorted(dc.recv(tag=node) for node in (3, 1, 2)))
    print([dc.recv(dc.ANY, dc.ANY, timeout=10) for _ in range(3)])
    try:
        dc.recv(timeout=0.1)
    except (dc.RecvTimeout, dc.NodeLost) as error:
        print(type(error).__name__)
"""
    result = run_source(machine, source, "-n", "4")
    assert 0 == result.code, result
    assert "[1, 2, 3]\n['late', 'late', 'late']\n" in result.out


def test_messages_go_while_their_sender_computes(machine: Machine) -> None:
    """What `send` left in its buffer arrives although the sender makes no further call."""
    source = """
import time, distrcomp as dc
if dc.node_id == 0:
    dc.send(1, bytes(20_000_000))
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and not __import__("os").path.exists("got"):
        pass
    print("in time" if time.monotonic() - begun < 50 else "late")
else:
    time.sleep(0.3)
    print(len(dc.recv(0)))
    open("got", "w").close()
"""
    result = run_source(machine, source, "-n", "2")
    assert "in time" in result.out
    assert "20000000" in result.out
