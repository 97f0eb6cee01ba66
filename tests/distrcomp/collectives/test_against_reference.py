"""Every algorithm against a sequential reference: 1 to 9 nodes, any root, machines and order."""

from __future__ import annotations

from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import collectives as c
from distrcomp import ops

from .kit import Crew, same


@st.composite
def crews(draw: st.DrawFn) -> Crew:
    """Nodes on machines of any sizes, not always in order, and a seed."""
    size = draw(st.integers(1, 9))
    machine_of = draw(
        st.lists(st.integers(0, draw(st.integers(0, 3))), min_size=size, max_size=size)
    )
    machines: dict[int, list[int]] = {}
    for node, machine in enumerate(machine_of):
        machines.setdefault(machine, []).append(node)
    return Crew(list(machines.values()), draw(st.integers(0, 2**32)))


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=5),
    st.binary(max_size=3000),
    st.lists(st.integers(), max_size=3),
    st.integers(0, 5000).map(lambda length: np.arange(length, dtype=np.float64)),
)


@st.composite
def crews_with_values(draw: st.DrawFn, values: Any = VALUES) -> tuple[Crew, list[Any], int]:
    """Nodes, a value for each, and a root."""
    crew = draw(crews())
    each = draw(st.lists(values, min_size=crew.size, max_size=crew.size))
    return crew, each, draw(st.integers(0, crew.size - 1))


@given(crews())
def test_barrier(crew: Crew) -> None:
    """No node leaves a barrier before the last one has come to it."""
    come: list[int] = []
    left_after: list[int] = []

    def start(port: Any) -> Any:
        come.append(port.here)
        yield from c.barrier(port)
        left_after.append(len(come))

    crew.run(start)
    assert [crew.size] * crew.size == left_after


@given(crews_with_values())
def test_bcast(drawn: tuple[Crew, list[Any], int]) -> None:
    """All get what the root has."""
    crew, values, root = drawn
    results = crew.run(lambda port: c.bcast(port, values[port.here], root))
    assert same([values[root]] * crew.size, results)


@given(crews(), st.integers(0, 10**5), st.data())
def test_bcast_into_memory(crew: Crew, length: int, data: st.DataObject) -> None:
    """An array goes into the memory that each node has for it."""
    root = data.draw(st.integers(0, crew.size - 1))
    array = np.arange(length, dtype=np.int32)
    memory = [np.zeros_like(array) for _ in range(crew.size)]
    results = crew.run(lambda port: c.bcast(port, array, root, memory[port.here]))
    for node in range(crew.size):
        assert same(array, results[node])
        assert results[node] is (array if node == root else memory[node])


@given(crews_with_values())
def test_gather(drawn: tuple[Crew, list[Any], int]) -> None:
    """The root gets all values in order."""
    crew, values, root = drawn
    results = crew.run(lambda port: c.gather(port, values[port.here], root))
    expected = [values if node == root else None for node in range(crew.size)]
    assert same(expected, results)


@given(crews_with_values())
def test_scatter(drawn: tuple[Crew, list[Any], int]) -> None:
    """Each gets its item of the root's list."""
    crew, values, root = drawn
    results = crew.run(lambda port: c.scatter(port, values if port.here == root else None, root))
    assert same(values, results)


@given(crews_with_values())
def test_allgather(drawn: tuple[Crew, list[Any], int]) -> None:
    """All get all values in order."""
    crew, values, _ = drawn
    results = crew.run(lambda port: c.allgather(port, values[port.here]))
    assert same([values] * crew.size, results)


@given(crews(), st.data())
def test_alltoall(crew: Crew, data: st.DataObject) -> None:
    """What node i has for node j arrives as its i-th."""
    row = st.lists(VALUES, min_size=crew.size, max_size=crew.size)
    matrix = data.draw(st.lists(row, min_size=crew.size, max_size=crew.size))
    results = crew.run(lambda port: c.alltoall(port, matrix[port.here]))
    expected = [[matrix[i][j] for i in range(crew.size)] for j in range(crew.size)]
    assert same(expected, results)


# Joining texts is associative and keeps the order: whoever confuses that is found out.
JOIN = ops.Op(lambda one, other: one + other)
TEXTS = st.text("abc", max_size=2)


@given(crews_with_values(TEXTS))
def test_reduce_keeps_the_order(drawn: tuple[Crew, list[Any], int]) -> None:
    """Contributions are combined in the order of the nodes, on any machines."""
    crew, values, root = drawn
    results = crew.run(lambda port: c.reduce(port, values[port.here], JOIN, root))
    assert ["".join(values) if node == root else None for node in range(crew.size)] == results


@given(crews_with_values(TEXTS))
def test_allreduce_keeps_the_order(drawn: tuple[Crew, list[Any], int]) -> None:
    """All get the contributions combined in the order of the nodes, on any machines."""
    crew, values, _ = drawn
    results = crew.run(lambda port: c.allreduce(port, values[port.here], JOIN))
    assert ["".join(values)] * crew.size == results


@given(crews(), st.data())
def test_reduce_scatter(crew: Crew, data: st.DataObject) -> None:
    """Node j gets the j-th contributions of all, in order."""
    row = st.lists(TEXTS, min_size=crew.size, max_size=crew.size)
    matrix = data.draw(st.lists(row, min_size=crew.size, max_size=crew.size))
    results = crew.run(lambda port: c.reduce_scatter(port, matrix[port.here], JOIN))
    expected = ["".join(matrix[i][j] for i in range(crew.size)) for j in range(crew.size)]
    assert expected == results


@given(crews_with_values(TEXTS))
def test_scan_and_exscan(drawn: tuple[Crew, list[Any], int]) -> None:
    """Each gets the contributions up to its own, or those before it."""
    crew, values, _ = drawn
    results = crew.run(lambda port: c.scan(port, values[port.here], JOIN))
    assert ["".join(values[: node + 1]) for node in range(crew.size)] == results
    results = crew.run(lambda port: c.exscan(port, values[port.here], JOIN))
    assert [None, *("".join(values[:node]) for node in range(1, crew.size))] == results


NAMES = st.sampled_from(["SUM", "PROD", "MIN", "MAX", "LAND", "LOR", "LXOR"])
DTYPES = st.sampled_from(["f8", "f4", "i4", "i8", "u1"])


@given(crews(), NAMES, DTYPES, st.integers(0, 60), st.integers(0, 2**32), st.booleans())
def test_arrays(crew: Crew, name: str, dtype: str, length: int, seed: int, is_large: bool) -> None:
    """Arrays are combined by element, the same bits on all nodes and each time."""
    op: ops.Op = getattr(ops, name)
    chance = np.random.default_rng(seed)
    arrays = [(chance.random(length) * 8).astype(dtype) for _ in range(crew.size)]
    before = [array.copy() for array in arrays]
    algorithm = c.large_allreduce if is_large else c.allreduce
    results = crew.run(lambda port: algorithm(port, arrays[port.here], op))
    expected = fold(op.combine, arrays)
    for result in results:
        assert same(results[0], result)
        np.testing.assert_allclose(result, expected, rtol=1e-4)
        assert result.dtype == np.dtype(dtype)
    assert same(before, arrays)
    root = seed % crew.size
    rooted = c.large_reduce if is_large else c.reduce
    at_root = crew.run(lambda port: rooted(port, arrays[port.here], op, root))
    np.testing.assert_allclose(at_root[root], expected, rtol=1e-4)
    assert [None] * (crew.size - 1) == [at_root[node] for node in range(crew.size) if node != root]


@pytest.mark.parametrize("size", [2, 3, 8, 9])
def test_large_array_with_gaps(size: int) -> None:
    """An array that is no single piece of memory is reduced like any other."""
    crew = Crew([range(size)])
    arrays = [np.arange(400.0).reshape(20, 20).T[::2] + node for node in range(size)]
    results = crew.run(lambda port: c.large_allreduce(port, arrays[port.here], ops.SUM))
    assert same([np.ascontiguousarray(sum(arrays))] * size, results)


@pytest.mark.parametrize("algorithm", [c.allreduce, c.large_allreduce])
def test_result_in_memory_of_the_caller(algorithm: Any) -> None:
    """What `out` names takes the result."""
    crew = Crew([[0, 1], [2]])
    memory = [np.zeros(30) for _ in range(3)]
    results = crew.run(lambda port: algorithm(port, np.full(30, 2.0), ops.SUM, memory[port.here]))
    for node in range(3):
        assert results[node] is memory[node]
        assert same(np.full(30, 6.0), results[node])


@pytest.mark.parametrize("machines", [[range(9)], [[0, 2, 4], [1, 3]]])
def test_functions_may_change_their_first_argument(machines: Any) -> None:
    """A function that works in place spoils nobody's contribution."""

    def add(one: list[int], other: list[int]) -> list[int]:
        one.extend(other)
        return one

    crew = Crew(machines)
    values = [[node] for node in range(crew.size)]
    expected = list(range(crew.size))
    for algorithm in (c.allreduce, c.scan):
        results = crew.run(lambda port, it=algorithm: it(port, values[port.here], ops.Op(add)))
        assert expected == results[-1]
        assert [[node] for node in range(crew.size)] == values


def test_own_item_is_a_copy() -> None:
    """What a node gives to itself is not shared with what it gets."""
    crew = Crew([[0, 1]])
    mine = [[1], [2]]
    results = crew.run(lambda port: c.allgather(port, mine[port.here]))
    assert results[0] == mine
    assert results[0][0] is not mine[0]
