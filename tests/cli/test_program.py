"""What a program finds when it is started."""

from __future__ import annotations

import sys

import pytest

from tests.cli.programs import blocks, run_source
from tests.command import Machine

pytestmark = pytest.mark.processes


def test_the_program_is_main(machine: Machine) -> None:
    """Its name, arguments, path and classes are those of a program that Python started."""
    source = """
import sys, pickle, helper, distrcomp as dc
class Thing: pass
dc.send(0, Thing())
print(__name__, sys.argv, type(dc.recv()) is Thing, helper.VALUE, __file__.endswith("/prog.py"))
"""
    (machine.work_dir / "prog.py").write_text(source)
    (machine.work_dir / "helper.py").write_text("VALUE = 7\n")
    result = machine.run("run", "-n", "1", "prog.py", "-n", "--flag", "two words")
    arguments = "['prog.py', '-n', '--flag', 'two words']"
    assert f"__main__ {arguments} True 7 True\n" in result.out


def test_modules_and_code(machine: Machine) -> None:
    """-m runs a local package with what it imports, -c runs code; both take what follows."""
    package = machine.work_dir / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import sys\nfrom .part import V\nprint(V, sys.argv[1:])\n"
    )
    (package / "part.py").write_text("V = 5\n")
    assert "5 ['-q', 'x']\n" in machine.run("run", "-n", "1", "-m", "pkg", "-q", "x").out
    code = "import sys; print(sys.argv)"
    assert "['-c', '-n', 'x']\n" in machine.run("run", "-n", "1", "-c", code, "-n", "x").out


def test_the_environment_of_a_node(machine: Machine) -> None:
    """Who it is stands in DISTRCOMP_* and in what other tools read."""
    source = """
import os
names = "NODE_ID N_NODE LOCAL_ID LOCAL_N RUN_ID".split()
print([os.environ["DISTRCOMP_" + name] for name in names[:4]], len(os.environ["DISTRCOMP_RUN_ID"]))
print([os.environ[name] for name in "RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE".split()])
print(os.environ["PYTHONUNBUFFERED"], os.environ["OMP_NUM_THREADS"], "DISTRCOMP_HOME" in os.environ)
"""
    result = run_source(machine, source, "-n", "2")
    second = blocks(result.out)[1]
    assert "['1', '2', '1', '2'] 32\n['1', '2', '1', '2']\n1 1 False\n" in second
    assert "OMP_NUM_THREADS=1 on localhost" in result.out


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        ((), None, None),
        (("--recv-timeout", "1e-3"), None, 0.001),
        ((), "90", 90.0),
        (("--recv-timeout", "30"), "90", 30.0),
    ],
)
def test_recv_timeout(
    machine: Machine, options: tuple[str, ...], variable: str | None, expected: float | None
) -> None:
    """The run's default for `recv`, from the option or its variable, reaches each node."""
    code = "import os; print('told', os.environ.get('DISTRCOMP_RECV_TIMEOUT'))"
    changes = {"DISTRCOMP_RUN_RECV_TIMEOUT": variable}
    result = machine.run("run", "-n", "2", *options, "-c", code, env=changes)
    assert [f"told {expected}"] * 2 == [line for line in result.out.splitlines() if "told" in line]


def test_wdir(machine: Machine) -> None:
    """Nodes start in a folder below the sandbox; the program is found from there."""
    (machine.work_dir / "data").mkdir()
    (machine.work_dir / "data" / "a.txt").write_text("found")
    source = "print(open('a.txt').read())"
    options = ("-n", "1", "--wdir", "data", "--include", "data/*")
    assert "found\n" in run_source(machine, source, *options).out


def test_stdin_goes_to_node_0(machine: Machine) -> None:
    """Node 0 reads the launcher's stdin to its end, the others nothing."""
    source = "import sys\nprint(repr(sys.stdin.read()))\n"
    result = run_source(machine, source, "-n", "2", stdin="a line\nand more")
    assert "'a line\\nand more'\n" in blocks(result.out)[0]
    assert "''\n" in blocks(result.out)[1]


def test_dry_run_shows_and_starts_nothing(machine: Machine) -> None:
    """The manifest with reasons, and where nodes would run."""
    (machine.work_dir / "prog.py").write_text("import helper\nprint('started')\n")
    (machine.work_dir / "helper.py").write_text("")
    result = machine.run("run", "-n", "2", "--dry-run", "prog.py")
    assert 0 == result.code
    assert "helper.py" in result.out
    assert "imported by prog.py:1" in result.out
    assert "node 1 on localhost" in result.out
    assert "started" not in result.out


def test_a_command_of_ours_travels(machine: Machine) -> None:
    """A script that is no Python program is shipped and run with its node id."""
    script = machine.work_dir / "script.sh"
    script.write_text("#!/bin/sh\necho node $RANK got $1\n")
    script.chmod(0o755)
    result = machine.run("run", "-n", "2", "./script.sh", "it")
    assert "node 1 got it\n" in blocks(result.out)[1]


def test_a_python_child_of_a_command_is_the_node(machine: Machine) -> None:
    """`sh -c 'python prog.py'`: the Python that the command starts joins the run."""
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc\n"
        "dc.send(1 - dc.node_id, dc.node_id)\n"
        "print('got', dc.recv(1 - dc.node_id))\n"
    )
    command = f"{sys.executable} prog.py"
    result = machine.run("run", "-n", "2", "--include", "prog.py", "--", "sh", "-c", command)
    assert 0 == result.code, result
    assert "got 1\n" in blocks(result.out)[0]
    assert "got 0\n" in blocks(result.out)[1]


def test_python_and_a_program_as_mpiexec_has_it(machine: Machine) -> None:
    """`run python prog.py`: the program is shipped with its modules, as without `python`."""
    (machine.work_dir / "helper.py").write_text("VALUE = 7\n")
    source = "import distrcomp as dc, helper\nprint(dc.node_id, helper.VALUE)\n"
    (machine.work_dir / "prog.py").write_text(source)
    result = machine.run("run", "-n", "2", sys.executable, "prog.py")
    assert (0, "1 7\n") == (result.code, blocks(result.out)[1][:4]), result


def test_n_after_the_program_is_remarked_on(machine: Machine) -> None:
    """It is the program's own; who meant the number of nodes is told so."""
    (machine.work_dir / "prog.py").write_text("import sys\nprint(sys.argv[1:])\n")
    remark = "the -n after the program is the program's own"
    hosts = ("-H", "localhost:1")
    assert remark in machine.run("run", *hosts, "prog.py", "-n", "4").out
    assert remark not in machine.run("run", "-n", "1", "prog.py", "-n", "4").out


def test_a_file_that_was_not_shipped_is_hinted_at(machine: Machine) -> None:
    """The commonest first mistake: the data lies here, and --include was forgotten."""
    (machine.work_dir / "data.txt").write_text("1")
    result = run_source(machine, "open('data.txt')", "-n", "1")
    assert 1 == result.code
    assert "data.txt lies in" in result.out
    assert "add --include 'data.txt'" in result.out


def test_a_missing_command_is_one_line(machine: Machine) -> None:
    """What cannot start is said in one line, without an empty report."""
    result = machine.run("run", "-n", "2", "no-such-command-anywhere")
    assert (3, "") == (result.code, result.out)
    assert "there is no command 'no-such-command-anywhere'" in result.err


def test_options_have_variables(machine: Machine) -> None:
    """DISTRCOMP_RUN_ and an option's long name sets it."""
    (machine.work_dir / "prog.py").write_text("import os\nprint(os.environ['GIVEN'])\n")
    environment = {"DISTRCOMP_RUN_ENV": "GIVEN=yes", "DISTRCOMP_RUN_HOST": "localhost:2"}
    result = machine.run("run", "prog.py", env=environment)
    assert ["yes\n", "yes\n"] == [block[:4] for block in blocks(result.out).values()]
