"""Graphs of ranks: who is whose neighbour, told by all or (distributed) by each. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .constants import UNWEIGHTED, WEIGHTS_EMPTY
from .errors import ERR_ARG, ERR_RANK, MPIException


class Graph(NamedTuple):
    """A graph that every node knows whole (MPI-4.1, 8.5.3).

    Attributes:
        ends: for each node where its edges end in `edges`.
        edges: the neighbours of all nodes, one after the other.
    """

    ends: tuple[int, ...]
    edges: tuple[int, ...]

    def neighbours(self, rank: int) -> list[int]:
        """The neighbours of a rank, in the order of its edges.

        Raises:
            MPIException: ERR_RANK when the graph has no such rank.
        """
        if not 0 <= rank < len(self.ends):
            raise MPIException(ERR_RANK, f"rank {rank} is not in a graph of {len(self.ends)}")
        begin = self.ends[rank - 1] if rank else 0
        return list(self.edges[begin : self.ends[rank]])


class DistGraph(NamedTuple):
    """What one node knows of a distributed graph: its own edges (MPI-4.1, 8.5.4).

    Attributes:
        sources: from whom an edge leads here.
        destinations: to whom an edge leads from here.
        weights: those of both, if the graph has weights.
    """

    sources: tuple[int, ...]
    destinations: tuple[int, ...]
    weights: tuple[tuple[int, ...], tuple[int, ...]] | None


Edge = tuple[int, int, int]
"""Source, destination, weight."""


def weights_of(weights: Any, count: int) -> list[int] | None:
    """The weights of so many edges; None where a program gives none.

    Raises:
        ValueError: there are more or fewer.
    """
    if weights is None or (isinstance(weights, int) and weights == UNWEIGHTED):
        return None
    if isinstance(weights, int) and weights == WEIGHTS_EMPTY:
        weights = ()
    found = [int(weight) for weight in weights]
    if len(found) != count:
        raise ValueError(f"expecting {count} items, got {len(found)}")
    return found


def graph(index: Sequence[int], edges: Sequence[int], size: int) -> Graph:
    """A graph from what the program tells; `index` may have MPI's or C's form, with a leading 0.

    Raises:
        MPIException: ERR_ARG when it is no graph of at most `size` nodes.
    """
    if index and index[0] == 0 and index[-1] == len(edges):
        index = index[1:]
    if len(index) > size:
        raise MPIException(ERR_ARG, f"a graph of {len(index)} nodes on {size}")
    ends = list(index)
    if any(low > high for low, high in zip([0, *ends], ends, strict=False)):
        raise MPIException(ERR_ARG, f"the ends of the edges fall somewhere: {ends}")
    if ends and ends[-1] > len(edges):
        raise MPIException(ERR_ARG, f"{len(edges)} edges, not {ends[-1]}")
    kept = edges[: ends[-1]] if ends else ()
    _check(kept, max(size, 1), "edge")
    return Graph(tuple(ends), tuple(kept))


def neighbour_ranks(ranks: Sequence[int], size: int) -> tuple[int, ...]:
    """Ranks that somebody named as neighbours.

    Raises:
        MPIException: ERR_ARG when one is not in a communicator of `size`.
    """
    _check(ranks, size, "neighbour")
    return tuple(ranks)


def own_edges(rank: int, told: Iterable[Sequence[Edge]], is_weighted: bool) -> DistGraph:
    """What concerns `rank` of the edges that each node told, in the order of the nodes."""
    edges = [edge for each in told for edge in each]
    sources = [(source, weight) for source, to, weight in edges if to == rank]
    destinations = [(to, weight) for source, to, weight in edges if source == rank]
    weights = (tuple(w for _, w in sources), tuple(w for _, w in destinations))
    return DistGraph(
        tuple(source for source, _ in sources),
        tuple(to for to, _ in destinations),
        weights if is_weighted else None,
    )


def edge_list(
    sources: Sequence[int], degrees: Sequence[int], ends: tuple[Sequence[int], Sequence[int]]
) -> list[Edge]:
    """Edges as `Create_dist_graph` takes them.

    Args:
        sources: where edges begin.
        degrees: how many begin at each of `sources`.
        ends: where they end, and their weights.

    Raises:
        ValueError: the numbers don't fit each other.
    """
    destinations, weights = ends
    if len(degrees) != len(sources):
        raise ValueError(f"expecting {len(sources)} degrees, got {len(degrees)}")
    if sum(degrees) != len(destinations):
        raise ValueError(f"expecting {sum(degrees)} destinations, got {len(destinations)}")
    begins = [source for source, n in zip(sources, degrees, strict=True) for _ in range(n)]
    return list(zip(begins, destinations, weights, strict=True))


def _check(ranks: Sequence[int], size: int, what: str) -> None:
    wrong = [rank for rank in ranks if not 0 <= rank < size]
    if wrong:
        raise MPIException(ERR_ARG, f"{what} {wrong[0]} is not in 0..{size - 1}")
