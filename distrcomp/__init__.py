"""Run one Python program on many machines and let its copies talk.

    import distrcomp as dc

    dc.send((dc.node_id + 1) % dc.n_node, {"any": "picklable object"})
    print(dc.recv((dc.node_id - 1) % dc.n_node))

Start it with `distrcomp run -n 4 prog.py`, or by `mpiexec` or `srun` where there is an MPI; started
as plain `python prog.py` it is a world of one.
"""

from __future__ import annotations

import os

from . import world_calls
from .errors import (
    AlreadyReceived,
    BadTag,
    BadTimeout,
    CallError,
    CollectiveMismatch,
    CommunicatorFreed,
    Deadlock,
    DistrcompError,
    DoesNotFit,
    InternalError,
    LinkFailed,
    NestedCall,
    NodeLost,
    NoSuchNode,
    OutsideRun,
    ProtocolError,
    RecvTimeout,
    RequestCancelled,
    SendTimeout,
    Truncated,
    Undecodable,
    Unpicklable,
    WorldClosed,
)
from .surroundings import mpi_place
from .world_calls import (
    ANY,
    improbe,
    iprobe,
    irecv,
    isend,
    issend,
    mprobe,
    probe,
    recv,
    send,
    sendrecv,
    ssend,
)
from .world_collectives import (
    allgather,
    allreduce,
    alltoall,
    barrier,
    bcast,
    exscan,
    gather,
    iallgather,
    iallreduce,
    ialltoall,
    ibarrier,
    ibcast,
    iexscan,
    igather,
    ireduce,
    ireduce_scatter,
    iscan,
    iscatter,
    reduce,
    reduce_scatter,
    scan,
    scatter,
    split,
)

TYPE_CHECKING = False  # type checkers know it by its name; `typing` would take most of the import
if TYPE_CHECKING:
    from typing import Any

    from .communicator import Communicator, Grid
    from .ops import (
        BAND,
        BOR,
        BXOR,
        LAND,
        LOR,
        LXOR,
        MAX,
        MAXLOC,
        MIN,
        MINLOC,
        PROD,
        SUM,
        Op,
    )
    from .requests import Request
    from .status import MatchedMessage, Status

__version__ = "0.1.0"

__all__ = [
    "ANY",
    "BAND",
    "BOR",
    "BXOR",
    "LAND",
    "LOR",
    "LXOR",
    "MAX",
    "MAXLOC",
    "MIN",
    "MINLOC",
    "PROD",
    "SUM",
    "AlreadyReceived",
    "BadTag",
    "BadTimeout",
    "CallError",
    "CollectiveMismatch",
    "Communicator",
    "CommunicatorFreed",
    "Deadlock",
    "DistrcompError",
    "DoesNotFit",
    "Grid",
    "InternalError",
    "LinkFailed",
    "MatchedMessage",
    "NestedCall",
    "NoSuchNode",
    "NodeLost",
    "Op",
    "OutsideRun",
    "ProtocolError",
    "RecvTimeout",
    "Request",
    "RequestCancelled",
    "SendTimeout",
    "Status",
    "Truncated",
    "Undecodable",
    "Unpicklable",
    "WorldClosed",
    "allgather",
    "allreduce",
    "alltoall",
    "barrier",
    "bcast",
    "close_connection",
    "exscan",
    "gather",
    "iallgather",
    "iallreduce",
    "ialltoall",
    "ibarrier",
    "ibcast",
    "iexscan",
    "igather",
    "improbe",
    "iprobe",
    "irecv",
    "ireduce",
    "ireduce_scatter",
    "iscan",
    "iscatter",
    "isend",
    "issend",
    "mprobe",
    "n_node",
    "node_id",
    "output_dir",
    "probe",
    "recv",
    "reduce",
    "reduce_scatter",
    "scan",
    "scatter",
    "send",
    "sendrecv",
    "setup_connection",
    "split",
    "ssend",
    "world",
]

_place = mpi_place(os.environ)
_guard = None
if _place is not None:  # mpiexec or srun has started this process
    from .mpi_guard import install

    _guard = install(_place)  # tells what follows, too, who we are

node_id: int = int(os.environ.get("DISTRCOMP_NODE_ID", "0"))
"""Which of the run's nodes this process is, from 0 (MPI: rank)."""

n_node: int = int(os.environ.get("DISTRCOMP_N_NODE", "1"))
"""How many nodes the run has (MPI: size)."""

if TYPE_CHECKING:
    world: Communicator
    output_dir: str

# Joining puts the world's own methods in the place of these functions.
_CALLS = (
    "allgather",
    "allreduce",
    "alltoall",
    "barrier",
    "bcast",
    "exscan",
    "gather",
    "iallgather",
    "iallreduce",
    "ialltoall",
    "ibarrier",
    "ibcast",
    "iexscan",
    "igather",
    "improbe",
    "iprobe",
    "irecv",
    "ireduce",
    "ireduce_scatter",
    "iscan",
    "iscatter",
    "isend",
    "issend",
    "mprobe",
    "probe",
    "recv",
    "reduce",
    "reduce_scatter",
    "scan",
    "scatter",
    "send",
    "sendrecv",
    "split",
    "ssend",
)

_OPERATIONS = (
    "BAND",
    "BOR",
    "BXOR",
    "LAND",
    "LOR",
    "LXOR",
    "MAX",
    "MAXLOC",
    "MIN",
    "MINLOC",
    "PROD",
    "SUM",
)

# Loaded when they are named: importing this package must cost next to nothing.
_LATER = {
    "Communicator": "communicator",
    "Grid": "communicator",
    "MatchedMessage": "status",
    "Op": "ops",
    "Request": "requests",
    "Status": "status",
    **dict.fromkeys(_OPERATIONS, "ops"),
}


def setup_connection() -> None:
    """Joins the run now; without it the first call does.

    Raises:
        OutsideRun: this process is a child of a node, not a node.

    Example:
        >>> setup_connection()
    """
    world_calls.world()


def close_connection() -> None:
    """Ends this node's part in the run, once all it has sent has arrived; exit does it too.

    Calls after it raise WorldClosed; a second one does nothing.

    Raises:
        CollectiveMismatch: nodes were in different collectives, and none has waited for another
            there; this node's part is ended all the same.
    """
    from .joining import join

    world = join()
    mismatch = world.mismatch_left(is_last=True)
    world.close(in_order=True)
    if mismatch is not None:
        raise mismatch


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext distrcomp` calls in a notebook: the launcher's part is found by its name."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="distrcomp.notebook"):
        entry.load()(shell)


def __getattr__(name: str) -> Any:
    if name == "world":
        return world_calls.world()
    if name == "output_dir":
        from .output_folder import output_dir

        folder = globals()[name] = output_dir()
        return folder
    if name in _LATER:
        from importlib import import_module

        found = getattr(import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
