"""Run one Python program on many machines and let its copies talk.

    import distrcomp as dc

    dc.send((dc.node_id + 1) % dc.n_node, {"any": "picklable object"})
    print(dc.recv((dc.node_id - 1) % dc.n_node))

Start it with `distrcomp run -n 4 prog.py`; started as plain `python prog.py` it is a world of one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .errors import (
    BadTag,
    CallError,
    DistrcompError,
    InternalError,
    LinkFailed,
    NodeLost,
    NoSuchNode,
    OutsideRun,
    ProtocolError,
    RecvTimeout,
    Undecodable,
    Unpicklable,
    WorldClosed,
)

if TYPE_CHECKING:
    from .communicator import Communicator

__version__ = "0.1.0"

__all__ = [
    "ANY",
    "BadTag",
    "CallError",
    "DistrcompError",
    "InternalError",
    "LinkFailed",
    "NoSuchNode",
    "NodeLost",
    "OutsideRun",
    "ProtocolError",
    "RecvTimeout",
    "Undecodable",
    "Unpicklable",
    "WorldClosed",
    "close_connection",
    "n_node",
    "node_id",
    "recv",
    "send",
    "setup_connection",
    "world",
]

ANY = -1
"""Any source or any tag."""

node_id: int = int(os.environ.get("DISTRCOMP_NODE_ID", "0"))
"""Which of the run's nodes this process is, from 0 (MPI: rank)."""

n_node: int = int(os.environ.get("DISTRCOMP_N_NODE", "1"))
"""How many nodes the run has (MPI: size)."""

if TYPE_CHECKING:
    world: Communicator

_CALLS = (
    "improbe",
    "iprobe",
    "irecv",
    "isend",
    "issend",
    "mprobe",
    "probe",
    "recv",
    "send",
    "sendrecv",
    "ssend",
)


def setup_connection() -> None:
    """Joins the run now; without it the first call does.

    Raises:
        OutsideRun: this process is a child of a node, not a node.

    Example:
        >>> setup_connection()
    """
    _world()


def close_connection() -> None:
    """Ends this node's part in the run, once all it has sent has arrived; exit does it too.

    Calls after it raise WorldClosed; a second one does nothing.
    """
    from .joining import join

    join().close(in_order=True)


def send(dest: int, obj: Any, tag: int = 0) -> None:
    """Sends any picklable object to node `dest`: `Communicator.send` of the world.

    Example:
        >>> send(node_id, "to myself")
        >>> recv(node_id)
        'to myself'
    """
    _world().send(dest, obj, tag)


def recv(source: int = ANY, tag: int = ANY, *, timeout: float | None = None) -> Any:
    """Waits for a message and returns its object: `Communicator.recv` of the world.

    Example:
        >>> send(node_id, "hello", tag=3)
        >>> recv(tag=3, timeout=1.0)
        'hello'
    """
    return _world().recv(source, tag, timeout=timeout)


def _world() -> Communicator:
    from .joining import join

    return join().communicator


def __getattr__(name: str) -> Any:
    if name == "world":
        return _world()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
