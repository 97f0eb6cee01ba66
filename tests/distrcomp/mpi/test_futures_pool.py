"""distrcomp.mpi.futures_pool and what starts workers: executors in programs of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.distrcomp.mpi.alone import output_of, run_alone

pytestmark = pytest.mark.processes


def program(folder: Path, source: str) -> tuple[int, str, str]:
    """Runs `source` as a main script, with executors' names at hand."""
    head = (
        "import os, sys, time, threading\n"
        "from mpi4py import MPI\n"
        "from mpi4py.futures import *\n"
        "from mpi4py.futures import _core\n"
    )
    (folder / "prog.py").write_text(head + source)
    return run_alone("prog.py", folder=folder)


def printed(folder: Path, source: str) -> str:
    status, out, err = program(folder, source)
    assert (0, "") == (status, err), out + err
    return out


def test_tasks_of_the_main_script(tmp_path: Path) -> None:
    """Functions and classes of the main script travel both ways, to other processes."""
    source = """
class Point:
    def __init__(self, x): self.x = x
def move(point):
    return Point(point.x + 1), os.getpid(), __name__
if __name__ == "__main__":
    with MPIPoolExecutor(2) as executor:
        point, pid, name = executor.submit(move, Point(1)).result()
        print(point.x, type(point) is Point, pid != os.getpid(), name)
        print(list(executor.map(pow, [2, 3], [5, 2])), executor.num_workers)
    print(executor.num_workers)
"""
    assert printed(tmp_path, source) == "2 True True __worker__\n[32, 9] 2\n0\n"


def test_map_and_its_options(tmp_path: Path) -> None:
    """In order or not, in chunks, with few at a time, with a time limit."""
    source = """
executor = ThreadPoolExecutor(3)
expected = [n * n for n in range(20)]
square = lambda n: n * n
for options in ({}, {"chunksize": 7}, {"buffersize": 2}, {"buffersize": 2, "chunksize": 3}):
    assert list(executor.map(square, range(20), **options)) == expected, options
assert sorted(executor.map(square, range(20), unordered=True, chunksize=3)) == expected
assert list(executor.starmap(pow, [(2, 3), (3, 2)])) == [8, 9]
for options, kind in (
    ({"chunksize": 0}, ValueError),
    ({"buffersize": 0}, ValueError),
    ({"buffersize": "1"}, TypeError),
    ({"buffersize": 1, "unordered": True}, ValueError),
):
    try:
        executor.map(square, [], **options)
    except kind:
        continue
    print("no error for", options)
gate = threading.Event()
late = executor.map(lambda wait: wait and gate.wait(), [False, True], timeout=0.3)
print(next(late))
try:
    next(late)
except TimeoutError:
    print("late")
gate.set()
"""
    assert printed(tmp_path, source) == "False\nlate\n"


def test_options_of_the_workers(tmp_path: Path) -> None:
    """Globals, path, folder, environment and flags are the workers'; without main there is none."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "extra.py").write_text("VALUE = 9\n")
    source = """
def look():
    import extra
    return KNOWN, extra.VALUE, os.getcwd(), os.environ["HERE"], sys.flags.optimize
if __name__ == "__main__":
    options = dict(globals={"KNOWN": 4}, path=["lib"], wdir="lib", env={"HERE": "yes"})
    with MPIPoolExecutor(1, python_args=["-O"], **options) as executor:
        known, extra, folder, here, flag = executor.submit(look).result()
        print(known, extra, os.path.basename(folder), here, flag)
    with MPIPoolExecutor(1, main=False) as executor:
        try:
            executor.submit(look).result()
        except AttributeError as error:
            print(error.args[0][:24])
"""
    # A relative path is looked up from the workers' folder, as everywhere in Python.
    source = source.replace('["lib"]', "[os.path.abspath('lib')]")
    assert printed(tmp_path, source) == "4 9 lib yes 1\nCan't get attribute 'loo\n"


def test_errors_come_back(tmp_path: Path) -> None:
    """An error has the worker's traceback as its cause; what can't be pickled is its task's."""
    source = """
class Unreadable(Exception):
    def __init__(self, one, two): super().__init__(one)
def fail(): raise KeyError("k")
def confuse(): raise Unreadable("a", "b")
if __name__ == "__main__":
    with MPIPoolExecutor(1) as executor:
        error = executor.submit(fail).exception()
        print(type(error).__name__, "in fail" in str(error.__cause__))
        print(repr(executor.submit(confuse).exception()))
        print(type(executor.submit(time.sleep, threading.Lock()).exception()).__name__)
        print(executor.submit(abs, -3).result())
"""
    expected = "KeyError True\nRuntimeError('Unreadable: a')\nTypeError\n3\n"
    assert printed(tmp_path, source) == expected


def test_a_worker_that_dies(tmp_path: Path) -> None:
    """Its pool is broken, and everything that waits for it is told; the program goes on."""
    source = """
def die(): os._exit(3)
if __name__ == "__main__":
    executor = MPIPoolExecutor(2)
    for future in [executor.submit(die), executor.submit(time.sleep, 100)]:
        try:
            future.result()
        except BrokenExecutor as error:
            print("ended" in str(error))
    try:
        executor.submit(abs, 1)
    except BrokenExecutor:
        print("broken", executor.num_workers)
"""
    status, out, err = program(tmp_path, source)
    assert (0, "True\nTrue\nbroken 0\n") == (status, out), err


def test_a_failing_initializer(tmp_path: Path) -> None:
    """It breaks the pool, and nothing else."""
    source = """
def fail(): raise ValueError("not today")
if __name__ == "__main__":
    for kind in (MPIPoolExecutor, ThreadPoolExecutor):
        executor = kind(1, initializer=fail)
        try:
            executor.submit(abs, -1).result()
        except BrokenExecutor as error:
            print("not today" in str(error))
    with MPIPoolExecutor(1, initializer=setattr, initargs=(sys, "mark", 5)) as executor:
        print(executor.submit(getattr, sys, "mark").result())
"""
    source = source.replace("setattr, initargs=(sys, ", "mark, initargs=(")
    source = source.replace("getattr, sys, ", "marked, ")
    source = (
        "def mark(name, value): setattr(sys, name, value)\n"
        "def marked(name): return getattr(sys, name)\n" + source
    )
    status, out, err = program(tmp_path, source)
    assert (0, "True\nTrue\n5\n") == (status, out), err


def test_pools_without_end_are_refused(tmp_path: Path) -> None:
    """A main script that makes a pool wherever it runs is told what to do."""
    source = "with MPIPoolExecutor(1) as executor: print(executor.submit(abs, -1).result())"
    status, out, err = program(tmp_path, source)
    assert (1, "") == (status, out)
    assert "BrokenExecutor" in err
    assert "under `if __name__ == '__main__':`" in err


def test_workers_talk_to_each_other(tmp_path: Path) -> None:
    """get_comm_workers groups the workers of a pool; the master is none of them."""
    source = """
def total():
    comm = get_comm_workers()
    comm.Barrier()
    return comm.allreduce(comm.Get_rank() + 1)
if __name__ == "__main__":
    with MPIPoolExecutor(2) as executor:
        print([future.result() for future in [executor.submit(total) for _ in range(2)]])
    try:
        get_comm_workers()
    except RuntimeError:
        print("no worker")
"""
    assert printed(tmp_path, source) == "[3, 3]\nno worker\n"


def test_the_end_of_the_program(tmp_path: Path) -> None:
    """It waits for what was submitted, though nobody asks for the result."""
    source = """
def say(): print("done", flush=True)
if __name__ == "__main__":
    MPIPoolExecutor(1).submit(say)
    executor = MPIPoolExecutor(1)
    executor.submit(say)
"""
    assert printed(tmp_path, source) == "done\ndone\n"


def test_arguments() -> None:
    """Wrong ones are refused when the executor is made."""
    code = """
from mpi4py.futures import MPIPoolExecutor, MPICommExecutor
from mpi4py import MPI
for make, kind in (
    (lambda: MPIPoolExecutor(0), ValueError),
    (lambda: MPIPoolExecutor("2"), TypeError),
    (lambda: MPIPoolExecutor(initializer=3), TypeError),
    (lambda: MPIPoolExecutor(service="x"), NotImplementedError),
    (lambda: MPICommExecutor(root=1), ValueError),
    (lambda: MPICommExecutor(root=-1), ValueError),
):
    try:
        make()
    except kind:
        continue
    print("no", kind)
executor = MPIPoolExecutor()
executor.shutdown()
for call in (executor.bootup, lambda: executor.submit(abs, 1)):
    try:
        call()
    except RuntimeError as error:
        print(error)
"""
    assert output_of(code) == "cannot boot up after shutdown\ncannot submit after shutdown\n"


def test_environment() -> None:
    """What is not given comes from MPI4PY_FUTURES_...; nonsense is warned of."""
    code = """
import warnings
from mpi4py.futures import _core
print(_core.get_max_workers())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(sorted(_core.with_environment({}).items()))
print([str(warning.message) for warning in caught])
"""
    out = output_of(
        code,
        MPI4PY_FUTURES_MAX_WORKERS="5",
        MPI4PY_FUTURES_BACKOFF="0.5",
        MPI4PY_FUTURES_USE_PKL5="foo",
    )
    assert out == (
        "5\n[('backoff', 0.5), ('use_pkl5', False)]\n"
        "[\"MPI4PY_FUTURES_USE_PKL5='foo' is neither yes nor no\"]\n"
    )


def test_comm_executor(machine: Machine) -> None:
    """One node of the communicator has its tasks done by the others, who come back afterwards."""
    source = """
from mpi4py import MPI
from mpi4py.futures import MPICommExecutor, get_comm_workers
def work(x):
    comm = get_comm_workers()
    return x * x, comm.Get_size()
for root in (0, 2):
    with MPICommExecutor(MPI.COMM_WORLD, root) as executor:
        if executor is not None:
            print(MPI.COMM_WORLD.rank, executor.num_workers, list(executor.map(work, range(3))))
    assert MPI.COMM_WORLD.allreduce(1) == 3
with MPICommExecutor(MPI.COMM_WORLD) as executor:
    pass
"""
    result = run_source(machine, source, "--mpi4py", "-n", "3")
    assert result.code == 0, result.out
    for root in (0, 2):
        assert f"{root} 2 [(0, 2), (1, 2), (4, 2)]\n" in result.out


def test_executor_of_a_node(machine: Machine) -> None:
    """In a run without mpi4py.futures each node may start workers of its own."""
    source = """
import os
from mpi4py import MPI
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    with MPIPoolExecutor(1) as executor:
        print(MPI.COMM_WORLD.rank, executor.submit(os.getpid).result() != os.getpid())
"""
    result = run_source(machine, source, "--mpi4py", "-n", "2")
    assert result.code == 0, result.out
    assert "0 True\n" in result.out
    assert "1 True\n" in result.out


def test_shared_executors(machine: Machine) -> None:
    """Under mpi4py.futures all executors share the workers, each with its own initializer."""
    source = """
import sys
from mpi4py.futures import MPIPoolExecutor, BrokenExecutor
def mark(value): sys.mark = value
def marked(): return sys.mark
def fail(): raise ValueError
if __name__ == "__main__":
    plain = [MPIPoolExecutor() for _ in range(3)]
    futures = [each.submit(abs, -n) for n in range(5) for each in plain]
    print([future.result() for future in futures] == [n for n in range(5) for _ in plain])
    with MPIPoolExecutor(initializer=mark, initargs=(7,)) as executor:
        print(set(executor.submit(marked).result() for _ in range(4)))
    try:
        MPIPoolExecutor(initializer=fail).submit(abs, 1).result()
    except BrokenExecutor:
        print("broken", plain[0].submit(abs, -1).result())
"""
    (machine.work_dir / "prog.py").write_text(source)
    words = ("run", "--mpi4py", "-n", "3", "-m", "mpi4py.futures", "prog.py")
    result = machine.run(*words)
    assert result.code == 0, result.out
    assert "True\n{7}\nbroken 1\n" in result.out


def test_a_failing_program_of_shared_executors(machine: Machine) -> None:
    """What leaves the main script ends the run, workers and all."""
    (machine.work_dir / "prog.py").write_text("raise ValueError('boom')\n")
    result = machine.run("run", "--mpi4py", "-n", "2", "-m", "mpi4py.futures", "prog.py")
    assert (1, True) == (result.code, "ValueError: boom" in result.out)


def test_a_killed_master(machine: Machine) -> None:
    """Workers that were started for it end with it, in the middle of a task; nothing is left."""
    source = """
import time
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    executor = MPIPoolExecutor(2).bootup()
    futures = [executor.submit(time.sleep, 100) for _ in range(3)]
    print("up", flush=True)
    futures[0].result()
"""
    (machine.work_dir / "prog.py").write_text(source)
    command = machine.start_program(sys.executable, "-m", "distrcomp.mpi", "prog.py")
    command.wait_for_line("up")
    command.kill()
    command.wait()
