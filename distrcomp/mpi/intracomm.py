# ruff: noqa: N802, ARG002  (mpi4py's signatures)
"""Intracomm: a communicator of one group of nodes, and what can be made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .buffer_collectives import Prefixes
from .buffer_collectives_begun import BegunPrefixes
from .buffer_collectives_renewed import RenewedPrefixes
from .cartesian import Cartesian, grid
from .checks import is_below
from .comm import Comm
from .constants import CART, DIST_GRAPH, GRAPH, UNDEFINED
from .errors import ERR_ARG, ERR_RANK
from .graphs import (
    DistGraph,
    Graph,
    edge_list,
    graph,
    neighbour_ranks,
    own_edges,
    weights_of,
)
from .info import INFO_NULL, Info
from .unsupported import unsupported

_TOPOLOGIES = {Cartesian: CART, Graph: GRAPH, DistGraph: DIST_GRAPH, type(None): UNDEFINED}


class Intracomm(Comm, Prefixes, BegunPrefixes, RenewedPrefixes):
    """Intracommunicator.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> MPI.COMM_WORLD.allreduce(2)
        2
    """

    def __new__(cls, comm: Comm | None = None) -> Self:
        """The null communicator, or another handle of one."""
        self = super().__new__(cls, comm)
        if self._state is not None and self._state.remote is not None:
            raise TypeError(f"{cls.__name__}() takes a communicator of one group")
        return self

    def Get_topology(self) -> int:
        """Which topology it has: CART, GRAPH, DIST_GRAPH, or UNDEFINED."""
        return _TOPOLOGIES[type(self._live.topology)]

    # --- topologies -------------------------------------------------------------------------------

    def Create_cart(
        self,
        dims: Sequence[int],
        periods: Any = None,
        reorder: bool = False,
    ) -> Any:
        """Create a communicator whose ranks lie on a grid; null for those who find no place."""
        shape = grid(dims, periods)
        if shape.size > self.size:
            self._fail(ERR_ARG, f"a grid of {shape.size} on {self.size} nodes")
        return self._with_topology("Cartcomm", shape, shape.size)

    def Cart_map(self, dims: Sequence[int], periods: Any = None) -> int:
        """The rank of this node on such a grid, UNDEFINED if it finds no place."""
        shape = grid(dims, periods)
        if shape.size > self.size:
            self._fail(ERR_ARG, f"a grid of {shape.size} on {self.size} nodes")
        return self.rank if self.rank < shape.size else UNDEFINED

    def Create_graph(
        self,
        index: Sequence[int],
        edges: Sequence[int],
        reorder: bool = False,
    ) -> Any:
        """Create a communicator with a graph that all know; null for those who are not in it."""
        shape = graph(index, edges, self.size)
        return self._with_topology("Graphcomm", shape, len(shape.ends))

    def Graph_map(self, index: Sequence[int], edges: Sequence[int]) -> int:
        """The rank of this node in such a graph, UNDEFINED if it is not in it."""
        shape = graph(index, edges, self.size)
        return self.rank if self.rank < len(shape.ends) else UNDEFINED

    def Create_dist_graph_adjacent(
        self,
        sources: Sequence[int] | None,
        destinations: Sequence[int] | None,
        sourceweights: Any = None,
        destweights: Any = None,
        info: Info = INFO_NULL,
        reorder: bool = False,
    ) -> Any:
        """Create a communicator with a graph of which each node tells its own edges."""
        froms = neighbour_ranks(sources or (), self.size)
        to = neighbour_ranks(destinations or (), self.size)
        weights = (weights_of(sourceweights, len(froms)), weights_of(destweights, len(to)))
        if (weights[0] is None) != (weights[1] is None):
            self._fail(ERR_ARG, "give weights for sources and destinations, or for none")
        incoming, outgoing = weights
        has_weights = incoming is not None and outgoing is not None
        both = (tuple(incoming or ()), tuple(outgoing or ())) if has_weights else None
        made = self._with_topology("Distgraphcomm", DistGraph(froms, to, both), self.size)
        if info:
            made.Set_info(info)
        return made

    def Create_dist_graph(
        self,
        sources: Sequence[int],
        degrees: Sequence[int],
        destinations: Sequence[int],
        weights: Any = None,
        info: Info = INFO_NULL,
        reorder: bool = False,
    ) -> Any:
        """Create a communicator with a graph of which each node tells some edges of any nodes."""
        count = len(destinations)
        told = weights_of(weights, count)
        edges = edge_list(sources, degrees, (destinations, told or [0] * count))
        neighbour_ranks([rank for edge in edges for rank in edge[:2]], self.size)
        with self._translated():
            everything = self._core.allgather((edges, told is not None))
        is_weighted = any(weighted for _, weighted in everything)
        shape = own_edges(self.rank, [each for each, _ in everything], is_weighted)
        made = self._with_topology("Distgraphcomm", shape, self.size)
        if info:
            made.Set_info(info)
        return made

    # --- two groups -------------------------------------------------------------------------------

    def Create_intercomm(
        self, local_leader: int, peer_comm: Intracomm, remote_leader: int, tag: int = 0
    ) -> Any:
        """Create a communicator of this group and another one.

        Args:
            local_leader: the rank here of the node that speaks for this group.
            peer_comm: joins the leaders; looked at on them only.
            remote_leader: the rank in peer_comm of the other group's leader.
            tag: of the leaders' messages in peer_comm.
        """
        core = self._core
        if not is_below(local_leader, core.n_node):
            self._fail(ERR_RANK, f"local leader {local_leader} is not in 0..{core.n_node - 1}")
        theirs = None
        with self._translated():
            if core.node_id == local_leader:
                theirs = Comm._given(peer_comm)._core.sendrecv(
                    remote_leader, core.members, remote_leader, tag=tag, recv_tag=tag
                )
            theirs = core.bcast(theirs, local_leader)
            return self._kinds["Intercomm"]._joined(tuple(core.members), theirs, tag)

    def Accept(self, port_name: str, info: Info = INFO_NULL, root: int = 0) -> Any:
        """Wait for another group of this run that calls Connect with this port."""
        return self._kinds["Intercomm"]._met(self, port_name, root, is_server=True)

    def Connect(self, port_name: str, info: Info = INFO_NULL, root: int = 0) -> Any:
        """Join another group of this run that calls Accept with this port."""
        return self._kinds["Intercomm"]._met(self, port_name, root, is_server=False)

    def Spawn(
        self,
        command: Any,
        args: Any = None,
        maxprocs: int = 1,
        info: Info = INFO_NULL,
        root: int = 0,
        errcodes: Any = None,
    ) -> Any:
        """Not supported: see the documentation."""
        raise unsupported("Intracomm.Spawn")

    def Spawn_multiple(
        self,
        command: Any,
        args: Any = None,
        maxprocs: Any = None,
        info: Any = INFO_NULL,
        root: int = 0,
        errcodes: Any = None,
    ) -> Any:
        """Not supported: see the documentation."""
        raise unsupported("Intracomm.Spawn_multiple")

    # --- inside -----------------------------------------------------------------------------------

    def _with_topology(self, kind: str, shape: Any, count: int) -> Any:
        """A communicator of the first `count` nodes with this topology; null for others."""
        found = self._kinds[kind]
        with self._translated():
            core = self._core.create(range(count)) if count else None
        return found._shaped(core, shape)
