"""Nodes that wait for each other are named, and no others are (F-08, F-31)."""

from __future__ import annotations

import json

import pytest

from tests.case_report import Record, seconds_to_verdict
from tests.cli.programs import blocks, run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

DEADLOCKS = {
    "recv and recv": (
        2,
        "dc.recv(1 - me, tag=7)",
        ["nodes 0 and 1 wait for each other", "node 0 waits in recv(source=1, tag=7) at prog.py:3"],
    ),
    "a ring of ssend": (
        3,
        "dc.ssend((me + 1) % 3, 'x')",
        [
            "nodes 0 to 2 wait",
            "node 2 waits in ssend(dest=0, tag=0) at prog.py:3 for",
            "for node 0",
        ],
    ),
    "large sends to one who waits for another": (
        3,
        "if me == 0:\n    for _ in range(6): dc.send(1, bytes(40 * 2**20))\ndc.recv((me + 1) % 3)",
        ["node 0 waits in send(dest=1) at prog.py:4 for", ", for node 1"],
    ),
    "barrier and recv": (
        3,
        "dc.recv(1, 7) if me == 0 else dc.barrier()",
        ["node 1 waits in barrier #1 at prog.py:3", "missing there: node 0"],
    ),
    "a part's barrier without one": (
        3,
        "half = dc.split(me // 2)\nhalf.barrier() if me == 0 else dc.recv(0)",
        ["node 0 waits in barrier #1 at prog.py:4", "on the communicator of nodes 0 and 1"],
    ),
    "bcast that one misses": (
        3,
        "dc.recv(2) if me == 0 else dc.bcast(None)",
        ["node 1 waits in bcast #1 with root 0 at prog.py:3 for", ", for node 0"],
    ),
    "the wrong tag": (
        2,
        "dc.send(1 - me, 'x', tag=8); dc.recv(1 - me, tag=7)",
        ["Near misses: node 0 has an unread message from node 1 with tag 8 (it waits for tag 7)."],
    ),
    "the wrong source": (
        3,
        "dc.send(0, 'x') if me == 1 else None; dc.recv((me + 2) % 3)",
        ["node 0 has an unread message from node 1 with tag 0 (it waits for node 2)."],
    ),
    "the wrong communicator": (
        2,
        "twin = dc.world.dup(); twin.send(1 - me, 'x'); dc.recv(1 - me)",
        ["node 0 has an unread message from node 1 with tag 0 (it waits on another communicator)."],
    ),
    "requests": (
        2,
        "dc.irecv(1).wait() if me == 0 else dc.Request.wait_any([dc.irecv(0), dc.irecv(0, 3)])",
        ["node 0 waits in wait for recv(source=1) at prog.py:3", "node 1 waits in wait_any"],
    ),
    "a collective as a request": (
        2,
        "dc.ibarrier().wait() if me == 0 else dc.probe(0)",
        ["node 0 waits in barrier #1 at prog.py:3", "node 1 waits in probe(source=0)"],
    ),
    "itself": (1, "dc.recv(0)", ["node 0 waits for itself"]),
    "threads": (
        2,
        "import threading\n"
        "other = threading.Thread(target=lambda: dc.recv(1 - me, 1), daemon=True)\n"
        "other.start(); dc.recv(1 - me, 2)",
        ["node 1 waits in recv(source=0, tag=1)", "node 1 waits in recv(source=0, tag=2)"],
    ),
    "a thread that the main one joins": (
        2,
        "import threading\n"
        "errors = []\n"
        "def work():\n"
        "    try: dc.recv(1 - me, 1)\n"
        "    except dc.Deadlock as error: errors.append(error)\n"
        "other = threading.Thread(target=work); other.start(); other.join()\n"
        "raise errors[0]",
        ["node 1 waits in recv(source=0, tag=1) at prog.py:6"],
    ),
    "any of who is left": (
        3,
        "if me < 2: dc.recv()",
        ["nodes 0 and 1 wait", "node 0 waits in recv() at prog.py:3", "node 2 has already ended."],
    ),
}


@pytest.mark.parametrize("name", DEADLOCKS)
def test_a_deadlock_leads_the_report(machine: Machine, name: str, record_property: Record) -> None:
    """Who waits where for whom is named, every call raises, and the exit code is 1 (F-31)."""
    n_node, act, told = DEADLOCKS[name]
    result = run_source(machine, f"import distrcomp as dc\nme = dc.node_id\n{act}\n", f"-n{n_node}")
    assert 1 == result.code, result
    assert result.out.startswith("Deadlock: "), result
    verdict = result.out.partition("--------(Node")[0]
    for words in told:
        assert words in verdict, verdict
    assert "stopped because of it" in verdict
    waited = "a deadlock, one machine: from the last one's wait to the verdict"
    record_property("seconds", (waited, seconds_to_verdict(verdict)))


def test_finally_blocks_run_after_a_deadlock(machine: Machine) -> None:
    """The blocked calls raise dc.Deadlock, so that a program cleans up (F-08)."""
    source = """
import distrcomp as dc
try:
    dc.recv(1 - dc.node_id)
except dc.Deadlock as deadlock:
    print("met", deadlock)
    raise
finally:
    print("cleaned up")
"""
    result = run_source(machine, source, "-n", "2")
    for block in blocks(result.out).values():
        assert "met nodes 0 and 1 wait for each other" in block
        assert "cleaned up" in block
        assert "distrcomp: stopped at prog.py:4: nodes 0 and 1 wait for each other" in block


INNOCENT = {
    "one computes": """
import time
if me == 0:
    until = time.monotonic() + 4
    while time.monotonic() < until: sum(range(1000))
    dc.send(1, "x")
else:
    dc.recv(0)
""",
    "one sleeps": """
import time
if me == 0:
    time.sleep(4)
    dc.send(1, "x")
else:
    dc.recv(0)
""",
    "one reads a file": """
import os, threading
read, write = os.pipe()
if me == 0:
    threading.Timer(4, os.write, (write, b"x")).start()
    os.read(read, 1)
    dc.barrier()
else:
    dc.barrier()
""",
    "one waits for a child of its own": """
import signal, subprocess
class Ended(Exception): pass
def ended(*_): raise Ended
if me == 0:
    signal.signal(signal.SIGCHLD, ended)
    try:
        child = subprocess.Popen(["sleep", "4"])
        dc.recv(1)
    except Ended:
        dc.send(1, "x")
else:
    dc.recv(0)
""",
    "one has a thread with a name like ours": """
import threading, time
if me == 0:
    def act():
        time.sleep(4)
        dc.send(1, "x")
    threading.Thread(target=act, name="distrcomp-mine").start()
    dc.recv(1)
else:
    dc.send(0, dc.recv(0))
""",
    "one has a time limit": """
if me == 0:
    try: dc.recv(1, timeout=4)
    except dc.RecvTimeout: dc.send(1, "x")
else:
    dc.recv(0)
""",
    "a thread computes": """
import threading, time
def work():
    time.sleep(4)
    dc.send(me, "from the thread", tag=9)
threading.Thread(target=work).start()
dc.recv(me, tag=9)
""",
    "a timer runs": """
import signal
def ring(*_): raise TimeoutError
if me == 0:
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(4)
    try: dc.recv(1)
    except TimeoutError: dc.send(1, "x")
else:
    dc.recv(0)
""",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_who_can_still_act_is_not_called_deadlocked(machine: Machine, name: str) -> None:
    """Others wait for such a node for seconds, and no verdict is given."""
    result = run_source(
        machine, f"import distrcomp as dc\nme = dc.node_id\n{INNOCENT[name]}", "-n2"
    )
    assert 0 == result.code, result
    assert "Deadlock" not in result.out + result.err


def test_one_who_computes_is_waited_for(machine: Machine) -> None:
    """Three nodes, one of which computes first: the verdict comes once it waits too."""
    source = """
import time, distrcomp as dc
if dc.node_id == 2:
    time.sleep(3)
    print("computed", flush=True)
dc.recv((dc.node_id + 1) % 3)
"""
    result = run_source(machine, source, "-n", "3")
    assert result.out.startswith("Deadlock: nodes 0 to 2 wait for each other"), result
    assert "computed" in blocks(result.out)[2]


def test_a_collective_that_was_begun_waits_for_one_after_the_other(machine: Machine) -> None:
    """Its root waits for node 1 for seconds, then for node 2, which waits for the root."""
    source = """
import time, distrcomp as dc
if dc.node_id == 0:
    dc.igather(0).wait()
elif dc.node_id == 1:
    time.sleep(2.5)
    dc.igather(1).wait()
    time.sleep(60)
else:
    dc.recv(0)
"""
    result = run_source(machine, source, "-n", "3")
    assert result.out.startswith("Deadlock: nodes 0 and 2 wait for each other"), result
    assert "node 0 waits in gather #1 with root 0 at prog.py:4" in result.out


def test_the_rest_of_the_run_may_compute(machine: Machine) -> None:
    """Two that wait for each other are a deadlock though the third runs."""
    source = """
import time, distrcomp as dc
if dc.node_id < 2:
    dc.recv(1 - dc.node_id)
time.sleep(60)
"""
    result = run_source(machine, source, "-n", "3")
    assert result.out.startswith("Deadlock: nodes 0 and 1 wait for each other"), result


def test_on_deadlock_report(machine: Machine) -> None:
    """It is said at once and stands in the report; the run goes on, here to its time limit."""
    (machine.work_dir / "prog.py").write_text("import distrcomp as dc\ndc.recv(1 - dc.node_id)\n")
    words = ("-n", "2", "--on-deadlock", "report", "--timeout", "6", "prog.py")
    run = machine.start("run", *words)
    run.wait_for_line("Deadlock: nodes 0 and 1 wait for each other")
    assert run.is_running
    result = run.wait()
    assert 124 == result.code
    assert result.out.startswith("the time limit of 6 s was reached")
    assert 1 == result.out.count("Deadlock: ")
    assert 1 == result.err.count("Deadlock: ")
    assert "node 1 waits in recv(source=0) at prog.py:2" in result.out


def test_on_deadlock_ignore(machine: Machine) -> None:
    """Nothing is said of it."""
    source = "import distrcomp as dc\ndc.recv(1 - dc.node_id)\n"
    result = run_source(machine, source, "-n2", "--on-deadlock", "ignore", "--timeout", "4")
    assert 124 == result.code
    assert "Deadlock" not in result.out + result.err


def test_the_verdict_in_json_and_with_live_output(machine: Machine) -> None:
    """It is the cause in JSON; with live output it is on stderr in full."""
    source = "import distrcomp as dc\ndc.recv(1 - dc.node_id)\n"
    options = ("-n", "2", "--output", "live", "--report", "out.json")
    result = run_source(machine, source, *options)
    assert "distrcomp: Deadlock: nodes 0 and 1 wait for each other" in result.err
    assert "node 1 waits in recv(source=0) at prog.py:2" in result.err
    cause = json.loads((machine.work_dir / "out.json").read_text())["cause"]
    assert cause["headline"].startswith("Deadlock: nodes 0 and 1")
    assert "node 0 waits in recv(source=1) at prog.py:2" in cause["traceback"]


def test_who_has_ended_is_told(machine: Machine) -> None:
    """With --on-failure continue the others may wait for each other and for a failed one."""
    source = """
import distrcomp as dc
if dc.node_id == 2:
    raise SystemExit(4)
dc.recv()
"""
    result = run_source(machine, source, "-n", "3", "--on-failure", "continue")
    assert result.out.startswith("Deadlock: nodes 0 and 1 wait for each other"), result
    assert 1 == result.code
    assert "node 2 has already ended." in result.out


def test_mpi4pys_programs_too(machine: Machine) -> None:
    """The face's calls are told by their own names."""
    source = """
from mpi4py import MPI
world = MPI.COMM_WORLD
world.Recv(bytearray(8), source=1 - world.rank, tag=5)
"""
    result = run_source(machine, source, "-n", "2", "--mpi4py")
    assert result.out.startswith("Deadlock: nodes 0 and 1 wait for each other"), result
    assert "node 0 waits in Recv(source=1, tag=5) at prog.py:4" in result.out
