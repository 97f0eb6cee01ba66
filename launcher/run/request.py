"""What is asked of a launch, what is known of it before it ships anything, where it is shown."""

from __future__ import annotations

from collections.abc import Callable

from ..cluster.peers_file import Peer
from ..control.programs import Program
from ..environment.need import Need
from ..records import record
from ..ship.bundle import Bundle, Wanted
from .addresses import Net
from .connect import Connection
from .plan import Plan
from .sinks import Sinks
from .stdin import read_stdin
from .table import View


@record
class Part:
    """One of the programs of a run.

    Attributes:
        wanted: what to ship for it.
        n_node: how many nodes run it; None, where it is the only one: what the slots have room for.
    """

    program: Program
    wanted: Wanted
    n_node: int | None = None


@record
class Request:
    """What the user asked for.

    Attributes:
        parts: the programs, in the order of their nodes; most runs have one.
        stdin_node: the node that reads our stdin; -1 for none.
        by_node: whether placing goes round the peers, instead of filling one after the other.
        net: which addresses nodes may dial; None: all.
        tells_links: whether it is said which addresses led to the other machines.
        proves_links: whether each two machines must reach each other before the program starts.
        record: what is recorded of its nodes: "tally", "calls" or "" for nothing.
        need: the environment that the nodes shall have; None: the agents' own.
        allow_skew: whether peers may have different versions of Python.
    """

    parts: tuple[Part, ...]
    peers: tuple[Peer, ...]
    oversubscribe: bool = False
    timeout_s: float | None = None
    stdin_node: int = 0
    continue_on_failure: bool = False
    on_deadlock: str = "abort"
    is_strict: bool = False
    data_plane: str = "tls"
    by_node: bool = False
    collect: tuple[str, ...] = ()
    net: Net | None = None
    tells_links: bool = False
    proves_links: bool = True
    record: str = ""
    need: Need | None = None
    allow_skew: bool = False

    @property
    def n_node(self) -> int | None:
        """How many nodes all programs have together; None where the slots decide."""
        counts = [part.n_node for part in self.parts if part.n_node is not None]
        return sum(counts) if counts else None


@record
class Preparation:
    """Everything that is known before the first byte is shipped."""

    bundle: Bundle
    plan: Plan
    connections: list[Connection]
    notes: tuple[str, ...]
    programs: tuple[str, ...] = ()
    """What each node is to run, where there are several programs."""


@record
class Display:
    """How a run is shown.

    Attributes:
        view: where progress goes.
        open_sinks: makes the sinks for so many nodes.
        read_stdin: gives the next bytes for the node that gets stdin; none at the end.
    """

    view: View
    open_sinks: Callable[[int], Sinks]
    read_stdin: Callable[[], bytes] = read_stdin
