"""`distrcomp ps` and `distrcomp stacks`: looking at runs that go on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.command import Command, Machine
from tests.leaks import wait_until

pytestmark = pytest.mark.processes

PROGRAM = """
import distrcomp as dc, re
if dc.node_id == 0:
    print("ready", flush=True); re.match("(a*)*b", "a" * 64)
else:
    dc.send(2, bytes(100_000)) if dc.node_id == 1 else dc.recv(1)
    print("ready", flush=True); dc.recv(0)
"""


def start(machine: Machine, *options: str) -> Command:
    """A run of three nodes of which one is stuck in C and the others wait for it."""
    (machine.work_dir / "prog.py").write_text(PROGRAM)
    run = machine.start("run", "-n", "3", "--output", "live", *options, "prog.py")
    for node in range(3):
        run.wait_for_line(f"[{node}] ready")
    return run


def test_ps_and_stacks(machine: Machine) -> None:
    """Every node is listed with what is known of it, and shows where it is, and goes on."""
    assert f"No run goes on under DISTRCOMP_HOME={machine.home}.\n" == machine.run("ps").out
    run = start(machine)
    listed = machine.run("ps")
    assert 0 == listed.code, listed
    head, _, *rows = listed.out.splitlines()
    assert "prog.py  (3 nodes, for " in head
    assert ["0", "1", "2"] == [row.split()[0] for row in rows]
    assert all("localhost" in row and "running" in row for row in rows)
    (told,) = json.loads(machine.run("ps", "--json").out)
    busy, sender, receiver = told["nodes"]
    assert busy["bytes_in"] is None  # it holds the interpreter's lock
    assert sender["bytes_out"] >= 100_000
    assert receiver["bytes_in"] >= 100_000
    assert busy["cpu_s"] > 0
    assert all(os.kill(node["pid"], 0) is None for node in told["nodes"])
    shown = machine.run("stacks", told["run_id"][:5]).out
    assert 'node 0 is here (most recent call first):\n  File "' in shown
    assert '  File "prog.py", line 4 in <module>\nnodes 1 and 2 are here' in shown
    assert 'inside distrcomp\'s recv\n  File "prog.py", line 7 in <module>\n' in shown
    assert "nodes" not in machine.run("stacks", told["run_id"], "2").out
    run.interrupt()
    assert 130 == run.wait().code


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["stacks", "ffff"], "no run 'ffff' goes on"),
        (["stacks", ""], "no run '' goes on"),
        (["stacks", "ffff", "x"], "'NODE': 'x' is not a valid integer"),
        (["ps", "--peers", "missing.txt"], "missing.txt"),
    ],
)
def test_mistakes(machine: Machine, words: list[str], why: str) -> None:
    """What cannot be looked at is one line and exit code 2."""
    result = machine.run(*words)
    assert 2 == result.code, result
    assert why in result.err


def test_a_node_too_many(machine: Machine) -> None:
    """A node that the run does not have is a mistake."""
    run = start(machine)
    (told,) = json.loads(machine.run("ps", "--json").out)
    result = machine.run("stacks", told["run_id"], "3")
    assert (2, "distrcomp: the run has 3 nodes, from 0 on\n") == (result.code, result.err)
    run.interrupt()
    run.wait()


def windows(machine: Machine) -> list[Path]:
    """The folders of processes that can be looked at."""
    return list((machine.home / "cache" / "runs").glob("on-*/*"))


@pytest.mark.parametrize("how", ["end", "kill"])
def test_nothing_is_left(machine: Machine, how: str) -> None:
    """F-03: the folder of a run goes with it, also when its launcher is killed."""
    run = start(machine)
    assert 1 == len(windows(machine))
    (run.interrupt if how == "end" else run.kill)()
    run.wait()
    wait_until(lambda: not windows(machine), 10.0, "the window to be removed")


def test_without_a_home(machine: Machine) -> None:
    """F-40: a run that has no place for a window goes on without; it just is not found."""
    (machine.work_dir / "prog.py").write_text("print('done')\n")
    no_home = {"DISTRCOMP_HOME": "/proc/nowhere"}
    result = machine.run("run", "-n", "1", "prog.py", env=no_home)
    assert 0 == result.code, result
    assert "done" in result.out
    said = "No run goes on under DISTRCOMP_HOME=/proc/nowhere.\n"
    assert said == machine.run("ps", env=no_home).out
