"""More than one program in a run, on real nodes."""

from __future__ import annotations

import json
import sys

import pytest

from tests.command import Machine
from tests.pages import Typed, sessions, without_times, write_programs

pytestmark = pytest.mark.processes

PAGE = "docs/programs.md"

MASTER = """
import distrcomp as dc, sys
print("master of", dc.n_node)
for node in range(1, dc.n_node):
    dc.send(node, node * node)
"""
WORKER = """
import distrcomp as dc, os, sys
print("worker", dc.node_id, sys.argv[1:], os.path.basename(os.getcwd()), os.environ.get("COLOR"),
      dc.recv(0))
"""


@pytest.fixture
def programs(machine: Machine) -> Machine:
    """A machine with both programs."""
    (machine.work_dir / "master.py").write_text(MASTER)
    (machine.work_dir / "worker.py").write_text(WORKER)
    return machine


def test_programs_and_a_command_in_one_run(programs: Machine) -> None:
    """Nodes in order over the programs; a command that becomes a node reaches the others, too."""
    words = "-n 1 master.py : -n 1 -x COLOR=red --wdir sub worker.py a :"
    command = ("-n", "1", "-x", f"PY={sys.executable}", "sh", "-c", "$PY worker.py $RANK")
    result = programs.run("run", *words.split(), *command)
    assert 0 == result.code, result
    lines = result.out.splitlines()
    assert [
        "--------(Node 0  localhost  master.py)--------",
        "master of 3",
        "--------(Node 1  localhost  worker.py a)--------",
        "worker 1 ['a'] sub red 1",
        "--------(Node 2  localhost  sh -c $PY worker.py $RANK)--------",
    ] == lines[:5]
    assert lines[5].startswith("worker 2 ['2']")
    assert lines[5].endswith("None 4")


def test_the_calls_of_all_programs_are_recorded(programs: Machine) -> None:
    """A trace has what each program's nodes have called, and the arrows between them."""
    words = ("--trace", "trace.json", "-n", "1", "master.py", ":", "-n", "1", "worker.py")
    result = programs.run("run", *words)
    assert 0 == result.code, result
    events = json.loads((programs.work_dir / "trace.json").read_text())["traceEvents"]
    calls = {(each["pid"], each["name"]) for each in events if each["ph"] == "X"}
    assert {(0, "send"), (1, "recv")} == calls
    assert {"s", "f"} <= {each["ph"] for each in events}


def test_commands_get_stdin_and_files(programs: Machine) -> None:
    """A run of commands alone: environment, the file that was shipped, the launcher's stdin."""
    words = ("-n", "1", "cat", ":", "-n", "1", "--", "sh", "-c", "echo $RANK/$WORLD_SIZE; ls")
    result = programs.run("run", "--include", "master.py", *words, stdin="typed\n")
    assert 0 == result.code, result
    assert "--(Node 0  localhost  cat)--------\ntyped\n--------(Node 1" in result.out
    assert "1/2\nmaster.py\n" in result.out


def test_the_failure_of_one_program_ends_the_others(programs: Machine) -> None:
    """A command's exit code is the run's, and a node that waits for others ends by it."""
    words = ("-n", "1", "worker.py", ":", "-n", "1", "sh", "-c", "exit 7")
    result = programs.run("run", *words)
    assert 7 == result.code, result
    assert result.out.startswith("node 1 on localhost")


@pytest.mark.parametrize("typed", sessions(PAGE), ids=lambda typed: " ".join(typed.words)[:40])
def test_the_page_shows_what_is_printed(machine: Machine, typed: Typed) -> None:
    """Each command of docs/programs.md, run with the page's programs, prints what stands there."""
    write_programs(PAGE, machine.work_dir)
    result = machine.run(*typed.words)
    assert 0 == result.code, result
    assert without_times(typed.printed) == without_times(result.out)
