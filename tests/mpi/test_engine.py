"""`distrcomp run --engine mpi`, and what docs/supercomputer.md says is to be typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import Machine, Result
from tests.mpi_stacks import Stack
from tests.test_docs import code_blocks, typed_lines

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]


def run(stack: Stack, machine: Machine, *words: str) -> Result:
    """`distrcomp run --engine mpi WORDS...` of this stack's environment."""
    command = [stack.python, "-P", "-m", "launcher", "run", "--engine", "mpi", *words]
    return machine.start_program(*command, env=stack.variables).wait()


def test_run(stack: Stack, machine: Machine) -> None:
    """More nodes than cores, arguments, variables and a default timeout arrive."""
    code = (
        "import os, sys, distrcomp as dc\n"
        "total = dc.allreduce(dc.node_id)\n"
        "try:\n    dc.recv(dc.node_id)\n"
        "except dc.RecvTimeout:\n    print(total, sys.argv, os.environ['A'])\n"
    )
    (machine.work_dir / "prog.py").write_text(code)
    words = ["-n", "3", "-x", "A=5", "--recv-timeout", "0.1", "prog.py", "--timeout"]
    done = run(stack, machine, *words)
    assert (0, "3 ['prog.py', '--timeout'] 5\n" * 3, "") == (done.code, done.out, done.err)


def test_exit_code_of_a_node(stack: Stack, machine: Machine) -> None:
    """`sys.exit(3)` on one node ends the others and is the exit code."""
    code = "import distrcomp as dc, sys\nif dc.node_id == 1: sys.exit(3)\ndc.recv(1)"
    done = run(stack, machine, "-n", "2", "-c", code)
    assert 3 == done.code
    assert "it called sys.exit(3)" in done.out + done.err


def test_time_limit(stack: Stack, machine: Machine) -> None:
    """The run is ended, with exit code 124."""
    code = "import distrcomp as dc\ndc.recv()"
    done = run(stack, machine, "-n", "2", "--timeout", "3", "-c", code)
    assert 124 == done.code
    assert "distrcomp: stopped after 3 s, the time limit\n" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["-H", "a:2"],
        ["--include", "x"],
        ["--dry-run"],
        ["--output", "live"],
        ["--on-deadlock", "abort"],
    ],
)
def test_what_can_not_hold_says_so(machine: Machine, words: list[str]) -> None:
    """Options that mean nothing in an MPI job are refused, by name and with the reason."""
    done = machine.run("run", "--engine", "mpi", "-n", "2", *words, "-c", "pass")
    assert (2, "") == (done.code, done.out)
    assert done.err.startswith(f"distrcomp: --engine mpi, and {words[0]}: ")


def test_what_holds_anyway(stack: Stack, machine: Machine) -> None:
    """Values that say how it is are no error."""
    words = ["--output", "raw", "--stdin", "0", "--on-failure", "abort", "-n", "2", "-c", "pass"]
    assert Result(0, "", "") == run(stack, machine, *words)


def test_without_mpiexec(machine: Machine) -> None:
    """It says what to do."""
    words = ["run", "--engine", "mpi", "-n", "2", "-c", "pass"]
    done = machine.run(*words, env={"PATH": str(machine.work_dir)})
    assert 3 == done.code
    assert done.err.startswith("distrcomp: --engine mpi")


def page_commands() -> list[str]:
    """The command lines of the page that start a program on one machine."""
    page = (ROOT / "docs" / "supercomputer.md").read_text("utf-8")
    lines = [line for block in code_blocks(page) for line in typed_lines(block)]
    typed = [line.partition("#")[0].strip() for line in lines]
    return sorted({line for line in typed if line.startswith(("mpiexec -n", "distrcomp run"))})


def test_commands_of_the_page(stack: Stack, machine: Machine) -> None:
    """The page's commands run its program; each node says the same as on our own engine."""
    (machine.work_dir / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "ring.py", machine.work_dir / "examples")
    commands = page_commands()
    assert 3 == len(commands)
    said = []
    for line in commands:
        words = line.split()
        if words[0] == "distrcomp":
            words[:1] = [stack.python, "-P", "-m", "launcher"]
            if "--engine" not in words:
                words[5:5] = ["--output", "raw"]
        crowded = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
        done = machine.start_program(*words, env={**stack.variables, **crowded}).wait()
        assert (0, "") == (done.code, done.err)
        said.append(sorted("".join(done.out.split())))  # mpiexec may cut lines where it likes
    assert said[0] == said[1] == said[2]
