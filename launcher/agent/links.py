"""The links of one run's nodes on this peer: who is to dial whom, and what is handed to which node.

No byte of a message passes here: a node gets a connection by its control socket, and is told of it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from distrcomp import notices as n

from .. import limits
from .node_process import NodeProcess


class Links:
    """Brings a run's nodes together.

    Args:
        nodes: those that run here, by id; the run's own table, which grows as they start.
    """

    def __init__(self, nodes: Mapping[int, NodeProcess]) -> None:
        self._nodes = nodes
        self._joined: set[frozenset[int]] = set()

    def open(self, source: int, dest: int) -> None:
        """Has `source`, a node here, dial `dest`."""
        if source in self._nodes:
            self._nodes[source].tell(n.Dial(dest))

    def refuse(self, source: int, dest: int, why: str) -> None:
        """Tells `source`, a node here, that there is no way to `dest`."""
        if source in self._nodes:
            self._nodes[source].tell(n.NoLink(dest, why))

    def hand_over(self, source: int, dest: int, connection: socket.socket) -> bool:
        """Gives a connection that entered by the agent's port to the node it is for, if it may."""
        node = self._nodes.get(dest)
        if node is None or source in self._nodes:
            return False
        if node.n_links_waiting >= limits.LINKS_WAITING_MAX:
            return False
        node.tell(n.LinkMade(source, local=False), connection)
        return True

    def join(self, source: int, dest: int) -> None:
        """Joins two nodes of this machine, once."""
        pair = frozenset((source, dest))
        if pair not in self._joined and source != dest:
            try:
                one, other = socket.socketpair()
            except OSError as error:
                why = f"no socket for it on this machine: {error.strerror}"
                self._nodes[source].tell(n.NoLink(dest, why))
                return
            self._joined.add(pair)
            self._nodes[source].tell(n.LinkMade(dest, local=True), one)
            self._nodes[dest].tell(n.LinkMade(source, local=True), other)
