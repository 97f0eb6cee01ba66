# ruff: noqa: N802
"""Communicators with a topology: a grid, a graph, or a distributed graph (MPI-4.1, chapter 8).

The topology is a value (see cartesian and graphs) that is kept with the communicator's state, so
duplicates have it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from .cartesian import Cartesian, compute_dims, flags
from .checks import integer, integers
from .comm import Comm
from .comm_base import CommState
from .errors import ERR_TOPOLOGY
from .graphs import DistGraph, Graph
from .intracomm import Intracomm
from .neighborhood import BegunNeighbours, Neighbours, RenewedNeighbours


class Topocomm(Neighbours, BegunNeighbours, RenewedNeighbours, Intracomm):
    """Topology intracommunicator."""

    _shapes: ClassVar[tuple[type, ...]] = (Cartesian, Graph, DistGraph)

    def __new__(cls, comm: Comm | None = None) -> Self:
        """The null communicator, or another handle of one with such a topology."""
        self = super().__new__(cls, comm)
        if self._state is not None and not isinstance(self._state.topology, cls._shapes):
            raise TypeError(f"{cls.__name__}() takes a communicator with such a topology")
        return self

    @classmethod
    def _shaped(cls, core: Any, shape: Any) -> Self:
        """The handle of a communicator just made; null for no core."""
        if core is None:
            return cls._wrap(None)
        state = CommState(lambda: core)
        state.topology = shape
        return cls._wrap(state)

    @property
    def _shape(self) -> Any:
        shape = self._live.topology
        if not isinstance(shape, self._shapes):
            self._fail(ERR_TOPOLOGY, "this communicator has no such topology")
        return shape

    @property
    def degrees(self) -> tuple[int, int]:
        """How many neighbours lead here, and how many from here."""
        sources, destinations = self._neighbours()
        return (len(sources), len(destinations))

    @property
    def indegree(self) -> int:
        """How many neighbours lead here."""
        return self.degrees[0]

    @property
    def outdegree(self) -> int:
        """How many neighbours lead from here."""
        return self.degrees[1]

    @property
    def inoutedges(self) -> tuple[list[int], list[int]]:
        """The neighbours that lead here, and those from here."""
        return self._neighbours()

    @property
    def inedges(self) -> list[int]:
        """The neighbours that lead here."""
        return self._neighbours()[0]

    @property
    def outedges(self) -> list[int]:
        """The neighbours from here."""
        return self._neighbours()[1]

    def _neighbours(self) -> tuple[list[int], list[int]]:
        shape = self._shape
        if isinstance(shape, DistGraph):
            return (list(shape.sources), list(shape.destinations))
        return (shape.neighbours(self.rank), shape.neighbours(self.rank))

    def _arrivals(self) -> list[int]:
        """The places among the sources, in the order in which each one's messages arrive.

        On a ring of one or two, what goes back arrives as coming from the front.
        """
        places = range(len(self._neighbours()[0]))
        if isinstance(self._shape, Cartesian):
            return [place ^ 1 for place in places]
        return list(places)


class Cartcomm(Topocomm):
    """Cartesian topology intracommunicator."""

    _shapes = (Cartesian,)

    def Get_dim(self) -> int:
        """The number of directions."""
        return len(self._shape.dims)

    def Get_topo(self) -> tuple[list[int], list[int], list[int]]:
        """The lengths, which directions are closed, and the coordinates of this node."""
        shape = self._shape
        return (list(shape.dims), [int(closed) for closed in shape.periods], self.coords)

    def Get_cart_rank(self, coords: Sequence[int]) -> int:
        """The rank of the node at these coordinates."""
        shape = self._shape
        places = integers(coords)
        if len(places) != len(shape.dims):
            raise ValueError(f"expecting {len(shape.dims)} items, got {len(places)}")
        rank: int = shape.rank(places)
        return rank

    def Get_coords(self, rank: int) -> list[int]:
        """The coordinates of a rank."""
        coords: list[int] = self._shape.coords(rank)
        return coords

    def Shift(self, direction: int, disp: int) -> tuple[int, int]:
        """From whom this node gets what is shifted by so many steps, and to whom it gives it."""
        pair: tuple[int, int] = self._shape.shift(self.rank, direction, disp)
        return pair

    def Sub(self, remain_dims: Any) -> Cartcomm:
        """Split the grid into those of the directions that remain."""
        shape = self._shape
        remain = flags(remain_dims, len(shape.dims))
        color, key = shape.sub_place(self.rank, remain)
        with self._translated():
            return Cartcomm._shaped(self._core.split(color, key), shape.sub(remain))

    @property
    def dim(self) -> int:
        """The number of directions."""
        return self.Get_dim()

    @property
    def ndim(self) -> int:
        """The number of directions."""
        return self.Get_dim()

    @property
    def topo(self) -> tuple[list[int], list[int], list[int]]:
        """The lengths, which directions are closed, and the coordinates of this node."""
        return self.Get_topo()

    @property
    def dims(self) -> list[int]:
        """The lengths."""
        return list(self._shape.dims)

    @property
    def periods(self) -> list[int]:
        """Which directions are closed."""
        return [int(closed) for closed in self._shape.periods]

    @property
    def coords(self) -> list[int]:
        """The coordinates of this node."""
        return self.Get_coords(self.rank)


class Graphcomm(Topocomm):
    """General graph intracommunicator."""

    _shapes = (Graph,)

    def Get_dims(self) -> tuple[int, int]:
        """The numbers of nodes and of edges."""
        shape = self._shape
        return (len(shape.ends), len(shape.edges))

    def Get_topo(self) -> tuple[list[int], list[int]]:
        """Where the edges of each node end, and the edges."""
        shape = self._shape
        return (list(shape.ends), list(shape.edges))

    def Get_neighbors_count(self, rank: int) -> int:
        """How many neighbours a rank has."""
        return len(self._shape.neighbours(rank))

    def Get_neighbors(self, rank: int) -> list[int]:
        """The neighbours of a rank."""
        found: list[int] = self._shape.neighbours(rank)
        return found

    @property
    def dims(self) -> tuple[int, int]:
        """The numbers of nodes and of edges."""
        return self.Get_dims()

    @property
    def nnodes(self) -> int:
        """The number of nodes."""
        return self.Get_dims()[0]

    @property
    def nedges(self) -> int:
        """The number of edges."""
        return self.Get_dims()[1]

    @property
    def topo(self) -> tuple[list[int], list[int]]:
        """Where the edges of each node end, and the edges."""
        return self.Get_topo()

    @property
    def index(self) -> list[int]:
        """Where the edges of each node end."""
        return self.Get_topo()[0]

    @property
    def edges(self) -> list[int]:
        """The edges."""
        return self.Get_topo()[1]

    @property
    def nneighbors(self) -> int:
        """How many neighbours this node has."""
        return self.Get_neighbors_count(self.rank)

    @property
    def neighbors(self) -> list[int]:
        """The neighbours of this node."""
        return self.Get_neighbors(self.rank)


class Distgraphcomm(Topocomm):
    """Distributed graph intracommunicator."""

    _shapes = (DistGraph,)

    def Get_dist_neighbors_count(self) -> tuple[int, int, bool]:
        """How many neighbours lead here and from here, and whether there are weights."""
        shape = self._shape
        return (len(shape.sources), len(shape.destinations), shape.weights is not None)

    def Get_dist_neighbors(
        self,
    ) -> tuple[list[int], list[int], tuple[list[int], list[int]] | None]:
        """The neighbours that lead here, those from here, and the weights of both."""
        shape = self._shape
        weights = shape.weights and (list(shape.weights[0]), list(shape.weights[1]))
        return (list(shape.sources), list(shape.destinations), weights)


def Compute_dims(nnodes: int, dims: int | Sequence[int]) -> list[int]:
    """Balance the lengths of a grid of so many nodes; those that are not 0 stay."""
    free_or_given = [0] * dims if isinstance(dims, int) else integers(dims)
    return compute_dims(integer(nnodes), free_or_given)
