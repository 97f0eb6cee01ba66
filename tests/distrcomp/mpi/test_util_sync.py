"""distrcomp.mpi.util_sync: turns, counters and mutual exclusion, on real nodes."""

from __future__ import annotations

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.distrcomp.mpi.alone import output_of

pytestmark = pytest.mark.processes

HEAD = """
from mpi4py import MPI
from mpi4py.util import sync
comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
"""


def run(machine: Machine, source: str) -> None:
    result = run_source(machine, HEAD + source, "--mpi4py", "-n", "3")
    assert result.code == 0, result.out


def test_turns_and_counter(machine: Machine) -> None:
    """Nodes take turns by rank; each value of a counter is given once."""
    run(
        machine,
        """
counter = sync.Counter(10, 5, comm=comm, root=1)
with sync.Sequential(comm):
    value = next(counter)
assert comm.allgather(value) == [10, 15, 20]
comm.Barrier()
assert sorted(sum(comm.allgather([next(counter) for _ in range(4)]), [])) == list(range(25, 85, 5))
comm.Barrier()
assert counter.next(0) == 85
counter.free()
counter.free()
floats = sync.Counter(0, typecode="d", comm=comm)
assert sorted(comm.allgather(floats.next())) == [0.0, 1.0, 2.0]
floats.free()
""",
    )


def test_mutex(machine: Machine) -> None:
    """One holds it at a time; who comes first is first; without blocking it may be refused."""
    run(
        machine,
        """
mutex, counter = sync.Mutex(comm=comm), sync.Counter(comm=comm)
comm.Barrier()
for _ in range(5):
    with mutex:
        values = [next(counter) for _ in range(4)]
        assert values == list(range(values[0], values[0] + 4))
comm.Barrier()
held = mutex.acquire(blocking=False)
assert held == mutex.locked() and sum(comm.allgather(held)) == 1
if held:
    mutex.release()
comm.Barrier()
mutex.acquire()
mutex.free()
counter.free()
""",
    )


def test_condition(machine: Machine) -> None:
    """As many wake up as are notified, and they hold the mutex again as often as before."""
    run(
        machine,
        """
condition, box = sync.Condition(comm=comm), sync.Counter(comm=comm)
comm.Barrier()
if rank == 0:
    woken = 0
    while woken < size - 1:
        with condition:
            box.next(1)
            woken += condition.notify()
    with condition:
        assert condition.notify_all() == 0
else:
    with condition, condition:
        condition.wait()
        assert condition._mutex.count() == 2
comm.Barrier()
if rank == 0:
    flag = 0
    while not flag:
        with condition:
            flag = condition.notify_all() == size - 1
else:
    with condition:
        assert condition.wait_for(lambda state=[]: state.append(1) or len(state) > 1)
comm.Barrier()
condition.free()
box.free()
""",
    )


def test_semaphore(machine: Machine) -> None:
    """So many hold it at once and no more; what is released too often is refused."""
    run(
        machine,
        """
semaphore, inside = sync.Semaphore(2, comm=comm), sync.Counter(comm=comm)
comm.Barrier()
for _ in range(5):
    with semaphore:
        assert inside.next(1) < 2
        inside.next(-1)
comm.Barrier()
got = semaphore.acquire(blocking=False)
assert sum(comm.allgather(got)) == 2
if got:
    semaphore.release()
comm.Barrier()
try:
    semaphore.release()
except ValueError:
    comm.Barrier()
semaphore.free()
inside.free()
""",
    )


def test_misuse() -> None:
    """What is not held can't be released, nor what is freed be used."""
    code = (
        HEAD
        + """
mutex, condition = sync.Mutex(), sync.Condition()
def expect(call):
    try:
        call()
    except RuntimeError as error:
        print(error)
expect(mutex.release)
mutex.acquire()
expect(mutex.acquire)
expect(condition.wait)
mutex.free()
expect(mutex.locked)
condition.free()
expect(condition.notify)
counter = sync.Counter()
counter.free()
expect(counter.next)
"""
    )
    assert output_of(code) == (
        "cannot release unheld mutex\ncannot acquire already held mutex\n"
        "cannot wait on or notify through an unheld mutex\nmutex already freed\n"
        "condition already freed\ncounter already freed\n"
    )
