"""Graphs of ranks: neighbours, and the edges that each node learns of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.mpi.errors import ERR_ARG, ERR_RANK, MPIException
from distrcomp.mpi.graphs import DistGraph, Edge, Graph, edge_list, graph, own_edges


@given(st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=5))
def test_neighbours_are_those_of_each_node(lists: list[list[int]]) -> None:
    """The graph gives back the neighbours that it was made of, in both forms of the index."""
    ends = [sum(map(len, lists[: i + 1])) for i in range(len(lists))]
    edges = [rank for each in lists for rank in each]
    for index in ([0, *ends], ends) if ends[0] else ([0, *ends],):
        made = graph(index, edges, 5)
        assert lists == [made.neighbours(rank) for rank in range(len(lists))]


@pytest.mark.parametrize(
    ("index", "edges", "expected"),
    [
        ([1, 2], [1, 0], Graph((1, 2), (1, 0))),
        ([0, 1, 2], [1, 0], Graph((1, 2), (1, 0))),
        ([1, 2], [1, 0, 0], Graph((1, 2), (1, 0))),
        ([0, 0], [0, 0], Graph((0, 0), ())),
        ([0], [], Graph((), ())),
        ([], [], Graph((), ())),
    ],
)
def test_forms_of_the_index(index: list[int], edges: list[int], expected: Graph) -> None:
    """A leading 0 is left out where the last end is the number of edges; MPICH agrees."""
    assert expected == graph(index, edges, 2)


@pytest.mark.parametrize(
    ("index", "edges"),
    [([2, 1], [1, 0]), ([1, 3], [1, 0]), ([1, 1, 1], [0]), ([1], [2]), ([1], [-1])],
)
def test_what_is_no_graph_is_told(index: list[int], edges: list[int]) -> None:
    """Falling ends, missing edges, too many nodes and ranks that are not there are errors."""
    with pytest.raises(MPIException) as caught:
        graph(index, edges, 2)
    assert caught.value.Get_error_class() == ERR_ARG


def test_a_rank_outside_has_no_neighbours() -> None:
    """Asking for the neighbours of a rank that the graph doesn't have is an error."""
    with pytest.raises(MPIException) as caught:
        Graph((1,), (0,)).neighbours(1)
    assert caught.value.Get_error_class() == ERR_RANK


EDGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 9)), max_size=8)


@given(st.lists(EDGES, min_size=4, max_size=4))
def test_each_node_learns_its_edges(told: list[list[Edge]]) -> None:
    """Every edge is known where it begins and where it ends, with its weight, and nowhere else."""
    graphs = [own_edges(rank, told, is_weighted=True) for rank in range(4)]
    everything = sorted(edge for each in told for edge in each)
    begun = []
    ended = []
    for rank, mine in enumerate(graphs):
        incoming, outgoing = mine.weights or ((), ())
        begun += [(rank, *end) for end in zip(mine.destinations, outgoing, strict=True)]
        ended += [(s, rank, w) for s, w in zip(mine.sources, incoming, strict=True)]
    assert everything == sorted(begun)
    assert everything == sorted(ended)


def test_edges_without_weights() -> None:
    """Where none were given there are none."""
    assert DistGraph((1,), (1,), None) == own_edges(0, [[(0, 1, 1)], [(1, 0, 1)]], False)


def test_edges_are_spread_over_their_sources() -> None:
    """Each source has as many of the destinations as its degree says."""
    assert [(0, 1, 7), (0, 2, 8), (2, 0, 9)] == edge_list(
        [0, 1, 2], [2, 0, 1], ([1, 2, 0], [7, 8, 9])
    )
    with pytest.raises(ValueError, match="degrees"):
        edge_list([0], [1, 1], ([1, 1], [1, 1]))
    with pytest.raises(ValueError, match="destinations"):
        edge_list([0], [1], ([1, 1], [1, 1]))
