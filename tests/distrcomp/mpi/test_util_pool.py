"""distrcomp.mpi.util_pool: the interface of multiprocessing.pool."""

from __future__ import annotations

import pytest

from tests.distrcomp.mpi.alone import output_of

pytestmark = pytest.mark.processes


def test_calls_of_a_pool() -> None:
    """Each gives what multiprocessing's gives."""
    code = """
from mpi4py.util.pool import Pool, ThreadPool
import multiprocessing.pool
pairs = [(n, 2) for n in range(25)]
def answers(pool):
    yield pool.apply(divmod, (7, 2)), pool.apply(int, ("ff",), {"base": 16})
    yield pool.map(abs, range(-9, 0)), pool.map(abs, range(-9, 0), chunksize=4), pool.map(abs, [])
    yield pool.starmap(pow, pairs), list(pool.imap(abs, iter([-1, -2]), chunksize=2))
    yield sorted(pool.imap_unordered(abs, [-1, -2, -3]))
    yield pool.apply_async(pow, (2, 3)).get(60), pool.map_async(abs, [-1] * 9).get(60)
    yield pool.starmap_async(pow, pairs, chunksize=3).get(60), pool.map_async(abs, []).get(60)
expected = list(answers(multiprocessing.pool.ThreadPool(2)))
with ThreadPool(2) as pool:
    assert list(answers(pool)) == expected
    assert list(pool.istarmap(pow, pairs)) == sorted(pool.istarmap_unordered(pow, pairs))
with Pool(2, main=False) as pool:
    assert list(answers(pool)) == expected
pool.join()
print("same")
"""
    assert output_of(code) == "same\n"


def test_asynchronous_results() -> None:
    """Callbacks get results and errors; what isn't there yet can be asked for."""
    code = """
import threading
from mpi4py.util.pool import ThreadPool
pool, gate, told = ThreadPool(1), threading.Event(), []
slow = pool.apply_async(gate.wait)
try:
    slow.get(0.01)
except TimeoutError:
    print("late", slow.ready())
try:
    slow.successful()
except ValueError:
    print("not ready")
good = pool.map_async(int, "12", callback=told.append, error_callback=told.append)
bad = pool.apply_async(int, ("x",), callback=told.append, error_callback=told.append)
gate.set()
bad.wait()
print(slow.get(), good.get(), bad.ready(), bad.successful(), told[0], type(told[1]).__name__)
pool.close()
try:
    pool.apply(abs, (1,))
except RuntimeError:
    print("closed")
pool, gate = ThreadPool(1), threading.Event()
pool.apply_async(gate.wait)
never = pool.apply_async(abs, (1,))
pool.terminate()
gate.set()
pool.join()
try:
    never.get()
except TimeoutError:
    print("terminated", never.successful())
"""
    assert output_of(code) == (
        "late False\nnot ready\nTrue [1, 2] True False [1, 2] ValueError\n"
        "closed\nterminated False\n"
    )


def test_what_is_not_supported() -> None:
    """Options of multiprocessing's that make no sense here are warned of."""
    code = """
import warnings
from mpi4py.util.pool import ThreadPool
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ThreadPool(1, maxtasksperchild=1, context=None)
print([str(each.message) for each in caught])
"""
    assert output_of(code) == "[\"argument 'maxtasksperchild' is not supported\"]\n"
