# ruff: noqa: N802, ARG002  (hints do nothing)
"""Neighbourhood collectives: each node exchanges data with its neighbours (MPI-4.1, 8.6).

They are collectives of the whole communicator, in its collective space, though most nodes exchange
nothing. Where two nodes are neighbours more than once, messages are matched in the order of the
edges; on a grid, what is sent in one direction arrives as coming from the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..codec import own_copy
from ..collectives import ALLTOALL
from .buffer_moves import Room, exchange
from .buffer_plans import (
    Call,
    Plan,
    Split,
    bytes_of,
    equal_blocks,
    typed_blocks,
    unequal_blocks,
)
from .collective_base import CollectiveBase
from .constants import PROC_NULL
from .info import INFO_NULL, Info
from .object_collectives import opened, packed, packed_items
from .prequest import Prequest
from .request import Request
from .specs import MessageSpec, message

_AMONG_NEIGHBOURS = 1
"""The number of the root in the tags, by which these collectives and alltoall are told apart."""


class NeighbourBase(CollectiveBase):
    """A communicator whose nodes have neighbours."""

    def _neighbours(self) -> tuple[list[int], list[int]]:
        """From whom edges lead here, and to whom from here."""
        raise NotImplementedError

    def _arrivals(self) -> list[int]:
        """The places among the former, in the order in which each one's messages arrive."""
        raise NotImplementedError


def allgather(comm: NeighbourBase, sendbuf: Any, recvbuf: Any, split: Split) -> Plan:
    """The same memory to all neighbours."""
    sources, destinations = comm._neighbours()
    spec, into = message(sendbuf), split(recvbuf, len(sources), True)
    return _exchange(comm, [spec] * len(destinations), into)


def alltoall(comm: NeighbourBase, sendbuf: Any, recvbuf: Any, split: Split) -> Plan:
    """A block to each neighbour."""
    sources, destinations = comm._neighbours()
    out_of, into = split(sendbuf, len(destinations), False), split(recvbuf, len(sources), True)
    return _exchange(comm, out_of, into)


def _exchange(comm: NeighbourBase, out_of: list[MessageSpec], into: list[MessageSpec]) -> Plan:
    sources, destinations = comm._neighbours()
    arrivals = comm._arrivals()

    def call() -> Call:
        sends = [
            (dest, bytes_of(spec))
            for dest, spec in zip(destinations, out_of, strict=True)
            if dest != PROC_NULL
        ]
        takes = [(sources[at], Room(into[at])) for at in arrivals if sources[at] != PROC_NULL]
        return ALLTOALL, _AMONG_NEIGHBOURS, exchange, sends, takes

    return call


class _Slot:
    """A place in a list, for an object."""

    is_direct = False

    def __init__(self, values: list[Any], at: int) -> None:
        self._values = values
        self._at = at

    def put(self, value: Any) -> None:
        """Puts an object there."""
        self._values[self._at] = value


class Neighbours(NeighbourBase):
    """Neighbourhood collectives."""

    def neighbor_allgather(self, sendobj: Any) -> list[Any]:
        """Gather the objects of the neighbours; None where there is none."""
        return self._exchange_objects([packed(sendobj)] * len(self._neighbours()[1]))

    def neighbor_alltoall(self, sendobj: Iterable[Any]) -> list[Any]:
        """Give each neighbour an item of each one's sequence; None comes where there is none."""
        return self._exchange_objects(packed_items(sendobj, len(self._neighbours()[1])))

    def _exchange_objects(self, items: list[Any]) -> list[Any]:
        sources, destinations = self._neighbours()
        here = self._core.node_id
        found: list[Any] = [packed(None)] * len(sources)
        sends = [
            (dest, own_copy(item) if dest == here else item)
            for dest, item in zip(destinations, items, strict=True)
            if dest != PROC_NULL
        ]
        takes = [
            (sources[at], _Slot(found, at)) for at in self._arrivals() if sources[at] != PROC_NULL
        ]
        self._run(lambda: (ALLTOALL, _AMONG_NEIGHBOURS, exchange, sends, takes))
        return opened(found)

    def Neighbor_allgather(self, sendbuf: Any, recvbuf: Any) -> None:
        """Gather the memory of the neighbours, in blocks of one size."""
        self._run(allgather(self, sendbuf, recvbuf, equal_blocks))

    def Neighbor_allgatherv(self, sendbuf: Any, recvbuf: Any) -> None:
        """Gather the memory of the neighbours, in blocks of any size."""
        self._run(allgather(self, sendbuf, recvbuf, unequal_blocks))

    def Neighbor_alltoall(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each neighbour a block of each one's memory, all of one size."""
        self._run(alltoall(self, sendbuf, recvbuf, equal_blocks))

    def Neighbor_alltoallv(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each neighbour a block of each one's memory, of any size."""
        self._run(alltoall(self, sendbuf, recvbuf, unequal_blocks))

    def Neighbor_alltoallw(self, sendbuf: Any, recvbuf: Any) -> None:
        """Give each neighbour a block of each one's memory, of any size and datatype."""
        self._run(alltoall(self, sendbuf, recvbuf, typed_blocks))


class BegunNeighbours(NeighbourBase):
    """Neighbourhood collectives that are begun."""

    def Ineighbor_allgather(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to gather the memory of the neighbours, in blocks of one size."""
        return self._begin(allgather(self, sendbuf, recvbuf, equal_blocks))

    def Ineighbor_allgatherv(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to gather the memory of the neighbours, in blocks of any size."""
        return self._begin(allgather(self, sendbuf, recvbuf, unequal_blocks))

    def Ineighbor_alltoall(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each neighbour a block of each one's memory, all of one size."""
        return self._begin(alltoall(self, sendbuf, recvbuf, equal_blocks))

    def Ineighbor_alltoallv(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each neighbour a block of each one's memory, of any size."""
        return self._begin(alltoall(self, sendbuf, recvbuf, unequal_blocks))

    def Ineighbor_alltoallw(self, sendbuf: Any, recvbuf: Any) -> Request:
        """Begin to give each neighbour a block of each one's memory, of any size and datatype."""
        return self._begin(alltoall(self, sendbuf, recvbuf, typed_blocks))


class RenewedNeighbours(NeighbourBase):
    """Neighbourhood collectives that are started many times."""

    def Neighbor_allgather_init(
        self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to gather the memory of the neighbours, in blocks of one size."""
        return self._renew(allgather(self, sendbuf, recvbuf, equal_blocks))

    def Neighbor_allgatherv_init(
        self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to gather the memory of the neighbours, in blocks of any size."""
        return self._renew(allgather(self, sendbuf, recvbuf, unequal_blocks))

    def Neighbor_alltoall_init(
        self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to give each neighbour a block of each one's memory, all of one size."""
        return self._renew(alltoall(self, sendbuf, recvbuf, equal_blocks))

    def Neighbor_alltoallv_init(
        self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to give each neighbour a block of each one's memory, of any size."""
        return self._renew(alltoall(self, sendbuf, recvbuf, unequal_blocks))

    def Neighbor_alltoallw_init(
        self, sendbuf: Any, recvbuf: Any, info: Info = INFO_NULL
    ) -> Prequest:
        """Make a request to give each neighbour a block of any datatype."""
        return self._renew(alltoall(self, sendbuf, recvbuf, typed_blocks))
