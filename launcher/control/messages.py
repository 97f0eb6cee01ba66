"""What launcher and agent say to each other, and what each may say when.

One connection serves one run at most. The launcher speaks first; it sends nothing of a run before
it has read the agent's welcome. Records are fixed-schema MessagePack (distrcomp.schema).
"""

from __future__ import annotations

from distrcomp.notices import Machine
from distrcomp.schema import Schema

from ..records import record
from . import environments, files, looks, passing, updates
from .interfaces import Interface
from .nodes import NodeExited as NodeExited
from .nodes import NodeFailed as NodeFailed
from .nodes import NodeFindings as NodeFindings
from .nodes import NodeLeaves as NodeLeaves
from .nodes import NodeResumed as NodeResumed
from .nodes import NodeStanding as NodeStanding
from .nodes import NodeWaiting as NodeWaiting
from .programs import Program as Program
from .programs import Setting as Setting
from .recordings import FROM_AGENT as RECORDINGS

# The form of what two distrcomps of different versions say to each other (see `updates`).
PROTOCOL = 1

OPERATOR, AGENT = "operator", "agent"
# Who looks at runs from the same account, by a Unix socket: no certificate says so.
VIEWER = "viewer"


# --- launcher to agent -------------------------------------------------------------------------


@record
class Hello:
    """First message on every connection; the answer, Welcome, tells whether the two fit."""


@record
class Ping:
    """Answered by Pong with the same number."""

    number: int


@record
class OpenRun:
    """A run begins: here is what its bundle holds (ship.manifest, packed).

    Attributes:
        is_stock: nothing will run: the files only go into the store.
    """

    run_id: bytes
    manifest: bytes
    is_stock: bool = False


@record
class BlobPart:
    """The next bytes of a blob the agent lacks; blobs come one after the other."""

    sha256: bytes
    data: bytes
    last: bool


@record
class NodeOrder:
    """One node to start, with its run certificate (PEM; empty on a run of one machine).

    Attributes:
        program: the index in `programs` of the one that it runs.
    """

    node: int
    certificate: str
    program: int = 0


@record
class StartNodes:
    """The nodes to start on this peer, and what all nodes of the run need to know.

    Attributes:
        programs: all that the run has.
        stdin_node: the node that gets Input; -1 for none.
        machine_of: the index in `machines` of each node's machine, by node id.
    """

    programs: tuple[Program, ...]
    stdin_node: int
    nodes: tuple[NodeOrder, ...]
    machines: tuple[Machine, ...]
    machine_of: tuple[int, ...]
    authority: str
    data_plane: str


@record
class OpenLink:
    """Node `source`, of this peer, shall dial node `dest`."""

    source: int
    dest: int


@record
class RefuseLink:
    """The link from node `source`, of this peer, to `dest` cannot be made."""

    source: int
    dest: int
    why: str


@record
class Go:
    """Every node of the run is ready: start the program."""


@record
class Input:
    """Bytes for the standard input of the stdin node; no bytes: its end. One at a time."""

    data: bytes


@record
class EndOfNode:
    """A node of the run, anywhere, has ended."""

    node: int
    why: str


@record
class AbortRun:
    """The run has failed because of `node`: calls of all others shall raise.

    None: because nodes wait for each other; the calls of all shall raise Deadlock.
    """

    node: int | None
    why: str


@record
class AskNodes:
    """Ask these nodes of this peer how they stand; each answers by NodeStanding."""

    number: int
    nodes: tuple[int, ...]


@record
class SignalNodes:
    """Send this signal to the process groups of all nodes still alive here."""

    number: int


@record
class CloseRun:
    """Kill what is left of the run and remove every trace of it."""


# --- agent to launcher -------------------------------------------------------------------------


@record
class Welcome:
    """The agent knows the launcher, and this is what it is.

    Attributes:
        process: a number that this process drew; two agents of one name differ in it.
        interfaces: where else it may be dialled.
    """

    protocol: int
    version: str
    python: str
    name: str
    slots: int
    process: int = 0
    interfaces: tuple[Interface, ...] = ()


@record
class Pong:
    """The answer to Ping, and what the agent's monotonic clock says."""

    number: int
    at: float = 0.0


@record
class Refused:
    """The agent will not do it; it closes the connection after this."""

    why: str


@record
class Missing:
    """The blobs that the agent lacks; none: the bundle is complete.

    Attributes:
        offsets: of each, how many bytes are there already; empty: of none.
    """

    hashes: tuple[bytes, ...]
    offsets: tuple[int, ...] = ()


@record
class Shipped:
    """The sandbox holds the bundle."""


@record
class Note:
    """Something that the run's report shall mention."""

    text: str


@record
class NodeReady:
    """A node has started and waits for Go."""

    node: int


@record
class LinkReady:
    """Node `source`, of this peer, has a proven link to `dest`, which it dialled at `address`."""

    source: int
    dest: int
    address: str = ""


@record
class LinkFailed:
    """Node `source`, of this peer, could not reach `dest`."""

    source: int
    dest: int
    why: str


@record
class LinkWanted:
    """Node `source`, of this peer, needs to be dialled by `dest`."""

    source: int
    dest: int


@record
class Output:
    """Bytes that a node wrote to stdout (1) or stderr (2)."""

    node: int
    stream: int
    data: bytes


@record
class InputTaken:
    """The node has room for more input."""


@record
class RunClosed:
    """Nothing of the run is left here; files the program wrote in the sandbox went with it.

    Attributes:
        lost_files: the names of the first of them.
        n_lost_files: how many there were.
        remains: what could not be removed, for a person to look at.
    """

    lost_files: tuple[str, ...]
    n_lost_files: int
    remains: tuple[str, ...]


FROM_LAUNCHER = (
    Hello,
    Ping,
    OpenRun,
    BlobPart,
    *passing.ORDERS,
    StartNodes,
    OpenLink,
    RefuseLink,
    Go,
    Input,
    EndOfNode,
    AbortRun,
    AskNodes,
    SignalNodes,
    *looks.QUESTIONS,
    files.CollectFiles,
    CloseRun,
    *environments.FROM_LAUNCHER,
    *updates.ORDERS,
)
FROM_AGENT = (
    Welcome,
    Pong,
    Refused,
    Missing,
    *passing.NEWS,
    Shipped,
    Note,
    NodeReady,
    LinkReady,
    LinkFailed,
    LinkWanted,
    Output,
    InputTaken,
    NodeFailed,
    NodeFindings,
    NodeWaiting,
    NodeResumed,
    NodeStanding,
    NodeLeaves,
    *RECORDINGS,
    NodeExited,
    *looks.ANSWERS,
    files.FilePart,
    files.FilesSent,
    RunClosed,
    *environments.FROM_AGENT,
    *updates.NEWS,
)
CONTROL = Schema(*FROM_LAUNCHER, *FROM_AGENT)
