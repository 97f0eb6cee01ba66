"""How a communicator looks to its collectives: who gives, who takes, and who is the root.

On a communicator of one group all nodes exchange data with all. On one of two groups each node does
so with those of the other group; with a root, that is the group of the root alone against one node
(MPI-4.1, 6.2.3). Both run on the collective space of a core communicator of all concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import is_below
from .constants import PROC_NULL, ROOT
from .errors import ERR_ROOT, MPIException

if TYPE_CHECKING:
    from ..communicator import Communicator


class Root(NamedTuple):
    """What a node has to do with the root of a collective.

    Attributes:
        node: the root's number in the collective space; None for who takes no part.
        is_root: whether it is this node.
        is_peer: whether this node is one of those who give to it or take from it.
        number: the root for the tag of the messages: the same on all nodes that call.
    """

    node: int | None
    is_root: bool
    is_peer: bool
    number: int


class Side:
    """One node's side of a communicator's collectives.

    Args:
        core: the core communicator of all concerned.
        local: the numbers in it of this node's group, in order of rank.
        peers: those of the nodes that data is exchanged with, in order of rank.
        is_inter: whether these are another group.

    Attributes:
        path: the collective space.
        here: this node's number in it.
        rank, size: this node's rank in its group, and how many are in that.
    """

    def __init__(
        self, core: Communicator, local: Sequence[int], peers: Sequence[int], is_inter: bool
    ) -> None:
        self.core = core
        self.path = core._all
        self.local = local
        self.peers = peers
        self.is_inter = is_inter
        self.here: int = core.node_id
        self.rank = local.index(self.here)
        self.size = len(local)

    @classmethod
    def of_one_group(cls, core: Communicator) -> Side:
        """The side of a communicator of one group."""
        everyone = range(core.n_node)
        return cls(core, everyone, everyone, False)

    def root(self, root: Any) -> Root:
        """What a program's `root` means here.

        Raises:
            MPIException: ERR_ROOT when there is no such root.
        """
        if self.is_inter:
            if root == ROOT:
                return Root(self.here, True, False, 0)
            if root == PROC_NULL:
                return Root(None, False, False, 0)
        if not is_below(root, len(self.peers)):
            raise MPIException(ERR_ROOT, f"root {root} is not in 0..{len(self.peers) - 1}")
        if self.is_inter:
            return Root(self.peers[root], False, True, 0)
        return Root(root, root == self.here, True, root)
