"""`distrcomp run --mpi4py`: programs written for mpi4py."""

from __future__ import annotations

import pytest

from tests.cli.programs import run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

HELLO = """
from mpi4py import MPI
import mpi4py, sys
comm = MPI.COMM_WORLD
is_same = sys.modules["mpi4py.MPI"] is MPI
print(comm.rank, comm.size, mpi4py.__version__, is_same, MPI.get_vendor()[0])
"""


def test_the_face_is_mpi4py(machine: Machine) -> None:
    """The program's import gives distrcomp's face, and the world is the run."""
    result = run_source(machine, HELLO, "--mpi4py", "-n", "2")
    assert "0 2 4.1.2 True distrcomp\n" in result.out
    assert "1 2 4.1.2 True distrcomp\n" in result.out


def test_an_installed_mpi4py_is_put_aside(machine: Machine) -> None:
    """One that Python would find is found without the option only."""
    installed = machine.work_dir / "site" / "mpi4py"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("raise ImportError('the installed one')")
    (machine.work_dir / "prog.py").write_text(HELLO)
    path = {"PYTHONPATH": str(installed.parent)}
    ours = machine.run("run", "--mpi4py", "-n", "1", "prog.py", env=path)
    assert "0 1 4.1.2 True distrcomp\n" in ours.out
    theirs = machine.run("run", "-n", "1", "prog.py", env=path)
    assert (1, True) == (theirs.code, "ImportError: the installed one" in theirs.out)


def test_an_outer_job_is_not_seen(machine: Machine) -> None:
    """What an MPI job or a batch system says of its own processes doesn't reach the nodes."""
    source = """
import os
from mpi4py import MPI
print(*sorted(name for name in os.environ if name.startswith(("OMPI", "PMI", "SLURM"))))
print("DISTRCOMP_PREPARE" in os.environ)
"""
    outer = {"OMPI_COMM_WORLD_SIZE": "7", "PMI_RANK": "3", "SLURM_PROCID": "5", "SLURM_JOB_ID": "1"}
    (machine.work_dir / "prog.py").write_text(source)
    result = machine.run("run", "--mpi4py", "-n", "1", "prog.py", env=outer)
    assert "SLURM_JOB_ID\nFalse\n" in result.out


def test_a_failing_node_ends_the_run(machine: Machine) -> None:
    """Others that wait for it are stopped, and its traceback leads the report."""
    source = """
from mpi4py import MPI
comm = MPI.COMM_WORLD
if comm.rank == 1:
    1 / 0
comm.recv(source=1)
"""
    result = run_source(machine, source, "--mpi4py", "-n", "2")
    assert result.code == 1
    assert "ZeroDivisionError" in result.out


def test_commands_are_refused(machine: Machine) -> None:
    """What Python doesn't run can't have the face."""
    result = machine.run("run", "--mpi4py", "-n", "1", "true")
    assert (2, "distrcomp: --mpi4py is for Python programs; true is a command\n") == (
        result.code,
        result.err,
    )


def test_futures_on_the_nodes_of_the_run(machine: Machine) -> None:
    """`-m mpi4py.futures prog.py` ships prog.py and what it imports; workers do its tasks."""
    source = """
from mpi4py.futures import MPIPoolExecutor
from helper import square
import os
def work(x):
    return square(x), int(os.environ["DISTRCOMP_NODE_ID"]) > 0
if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        print(executor.num_workers, list(executor.map(work, range(3))))
"""
    (machine.work_dir / "helper.py").write_text("def square(x): return x * x\n")
    (machine.work_dir / "prog.py").write_text(source)
    words = ("run", "--mpi4py", "-n", "3", "-m", "mpi4py.futures", "prog.py")
    assert "2 [(0, True), (1, True), (4, True)]\n" in machine.run(*words).out


WRONG_CALLS = """
import sys
import numpy
from mpi4py import MPI
comm = MPI.COMM_WORLD
array = numpy.zeros(3)
CALLS = {
    "TypeError": lambda: comm.Send("text", 0),
    "TypeError: an integer": lambda: comm.send(1, "there"),
    "TypeError: cannot pickle": lambda: comm.send((i for i in ()), 0),
    "ValueError": lambda: comm.Allreduce(array, numpy.zeros(2)),
    "KeyError": lambda: comm.Bcast([array, "no code"]),
    "BufferError": lambda: MPI.Win.Create(b"read-only"),
    "distrcomp.mpi.errors.NotSupported": lambda: comm.Spawn("other.py"),
    "mpi4py.MPI.Exception: MPI_ERR_NO_SUCH_FILE": lambda: MPI.File.Open(comm, "/no/such"),
}
CALLS[sys.argv[1]]()
"""


@pytest.mark.parametrize(
    "error",
    [
        "TypeError",
        "TypeError: an integer",
        "TypeError: cannot pickle",
        "ValueError",
        "KeyError",
        "BufferError",
        "distrcomp.mpi.errors.NotSupported",
        "mpi4py.MPI.Exception: MPI_ERR_NO_SUCH_FILE",
    ],
)
def test_a_wrong_call_shows_the_programs_lines(machine: Machine, error: str) -> None:
    """Its traceback has none of distrcomp's files, and no other error before it."""
    (machine.work_dir / "prog.py").write_text(WRONG_CALLS)
    told = machine.run("run", "--mpi4py", "-n", "1", "--output", "raw", "prog.py", error).err
    assert f"\n{error}" in told
    assert 1 == told.count("Traceback")
    assert "distrcomp/" not in told


@pytest.mark.parametrize("module", [(), ("-m", "mpi4py")])
def test_lines_of_the_program_below_another_program(
    machine: Machine, module: tuple[str, ...]
) -> None:
    """`-m mpi4py prog.py` shows what prog.py shows."""
    (machine.work_dir / "prog.py").write_text(WRONG_CALLS)
    words = ("run", "--mpi4py", "-n", "1", "--output", "raw", *module, "prog.py", "ValueError")
    told = machine.run(*words).err
    assert told.startswith('Traceback (most recent call last):\n  File "prog.py", line 17')


HINT = "run it with --mpi4py"


@pytest.mark.parametrize(
    ("source", "options", "is_told"),
    [
        ("from mpi4py import MPI", (), True),
        ("try:\n  import mpi4py\nexcept ImportError:\n  1 / 0", (), False),
        ("import mpi5py", (), False),
        ("raise ModuleNotFoundError('mpi4py', name='mpi4py')", ("--mpi4py",), False),
        ("import mpi4py.nothing", ("--mpi4py",), False),
    ],
)
def test_a_missing_mpi4py(
    machine: Machine, source: str, options: tuple[str, ...], is_told: bool
) -> None:
    """The option is named where it would have helped, below an error that says what it was."""
    hidden = (
        "import sys\nsys.path = [entry for entry in sys.path if 'site-packages' not in entry]\n"
    )
    result = run_source(machine, hidden + source, "-n", "1", *options)
    assert (1, is_told) == (result.code, HINT in result.out)
    assert HINT not in result.out.partition("\n")[0]
