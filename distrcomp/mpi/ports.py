# ruff: noqa: N802
"""Ports, by which groups of nodes of one run find each other, and names published for them.

A run is closed: nothing outside of it can connect. Inside it, a port is a name that holds the id of
the node that opened it. Who connects sends that node a call by the world's service space; who
accepts there takes the first one that has come for the port, or waits for one, and answers. A call
for a port that is closed is answered with a refusal.

Names that are published are told to every node. A name can be asked for before it has arrived,
where the asking node heard of it in another way; so a lookup waits a moment for it.

Messages are JSON lists: ["call", port, ticket, ids], ["answer", ticket, ids or null],
["name", service, port or null]. Handlers run inside other calls and neither wait nor raise.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import distrcomp

from ..errors import NodeLost
from ..joining import join
from .errors import ERR_NAME, ERR_OTHER, ERR_PORT, ERR_SERVICE, MPIException
from .info import INFO_NULL, Info

_NAME_WAIT_S = 1.0  # how long a name that was published elsewhere may be on its way
_PREFIX = "distrcomp-port"
_MAGIC = b"distrcomp join\0\0"
_CARD = struct.Struct(">16sQ")


class _Switchboard:
    """What this node knows of ports and names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_listening = False
        self._numbers = itertools.count()
        self.callers: dict[str, deque[tuple[int, int, list[int]]]] = {}
        self.answers: dict[int, list[int] | None] = {}
        self.names: dict[str, str] = {}

    def listen(self) -> None:
        """Has this node hear what the others tell of ports and names."""
        with self._lock:
            if not self._is_listening:
                self._is_listening = True
                join().communicator.serve(self._hear)

    def number(self) -> int:
        """A number that this node has not given out yet."""
        return next(self._numbers)

    def tell(self, node: int, *words: Any) -> None:
        """Sends a message to the switchboard of a node."""
        join().communicator.post_service(node, json.dumps(words).encode())

    def _hear(self, source: int, data: memoryview) -> None:
        kind, *words = json.loads(bytes(data))
        if kind == "call":
            port, ticket, ids = words
            if port in self.callers:
                self.callers[port].append((source, ticket, ids))
            else:
                self.tell(source, "answer", ticket, None)
        elif kind == "answer":
            self.answers[words[0]] = words[1]
        elif words[1] is None:
            self.names.pop(words[0], None)
        else:
            self.names[words[0]] = words[1]


_board = _Switchboard()


def accept(port: str, members: Sequence[int]) -> tuple[int, ...]:
    """Waits for a group that connects to a port of this node; its members.

    Args:
        members: of the group that accepts, by their ids in the world.
    """
    callers = _board.callers.get(port)
    if callers is None:
        raise MPIException(ERR_PORT, f"{port!r} was not opened by this node, or is closed")
    join().communicator.await_service(lambda: bool(callers))
    source, ticket, theirs = callers.popleft()
    _board.tell(source, "answer", ticket, list(members))
    return tuple(theirs)


def connect(port: str, members: Sequence[int]) -> tuple[int, ...]:
    """Waits until a group accepts at this port; its members.

    Args:
        members: of the group that connects, by their ids in the world.
    """
    owner = _owner(port)
    _board.listen()
    ticket = _board.number()
    _board.tell(owner, "call", port, ticket, list(members))
    join().communicator.await_service(lambda: ticket in _board.answers, [owner])
    theirs = _board.answers.pop(ticket)
    if theirs is None:
        raise MPIException(ERR_PORT, f"{port!r} is closed")
    return tuple(theirs)


def meet_by_socket(descriptor: int) -> int:
    """Exchanges ids with the node at the other end of a connected socket; the other's id.

    The socket is left open and has nothing unread of this.
    """
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        was_blocking = connection.getblocking()
        connection.setblocking(True)
        try:
            connection.sendall(_CARD.pack(_MAGIC, distrcomp.node_id))
            card = connection.recv(_CARD.size, socket.MSG_WAITALL)
        finally:
            connection.setblocking(was_blocking)
    if len(card) < _CARD.size or not card.startswith(_MAGIC):
        raise MPIException(ERR_OTHER, "at the other end of the socket is no node of this run")
    node: int = _CARD.unpack(card)[1]
    return node


def _owner(port: str) -> int:
    """The node that opened a port."""
    prefix, _, rest = str(port).partition(":")
    node = rest.partition(":")[0]
    if prefix != _PREFIX or not node.isdecimal() or int(node) >= distrcomp.n_node:
        raise MPIException(ERR_PORT, f"{port!r} is no port of this run")
    return int(node)


def Open_port(info: Info = INFO_NULL) -> str:  # noqa: ARG001
    """Open a port, at which groups of nodes of this run can connect."""
    _board.listen()
    port = f"{_PREFIX}:{distrcomp.node_id}:{_board.number()}"
    _board.callers[port] = deque()
    return port


def Close_port(port_name: str) -> None:
    """Close a port of this node; who waits to be accepted there is refused."""
    callers = _board.callers.pop(port_name, None)
    if callers is None:
        raise MPIException(ERR_PORT, f"{port_name!r} was not opened by this node, or is closed")
    for source, ticket, _ in callers:
        _board.tell(source, "answer", ticket, None)


def Publish_name(service_name: str, port_name: str, info: Info = INFO_NULL) -> None:  # noqa: ARG001
    """Publish the name of a service, to be looked up by all nodes of this run."""
    _owner(port_name)
    if service_name in _board.names:
        raise MPIException(ERR_SERVICE, f"the service {service_name!r} is published already")
    _board.names[service_name] = port_name
    _tell_others(service_name, port_name)


def Unpublish_name(service_name: str, port_name: str, info: Info = INFO_NULL) -> None:  # noqa: ARG001
    """Take a published name back."""
    if _board.names.get(service_name) != port_name:
        raise MPIException(ERR_SERVICE, f"the service {service_name!r} is not published")
    del _board.names[service_name]
    _tell_others(service_name, None)


def Lookup_name(service_name: str, info: Info = INFO_NULL) -> str:  # noqa: ARG001
    """Look the port of a published service up."""
    _board.listen()
    join().communicator._engine.wait_for(
        lambda: service_name in _board.names, _nothing, time.monotonic() + _NAME_WAIT_S, False
    )
    port = _board.names.get(service_name)
    if port is None:
        raise MPIException(ERR_NAME, f"no service {service_name!r} is published")
    return port


def _tell_others(service: str, port: str | None) -> None:
    for node in range(distrcomp.n_node):
        if node != distrcomp.node_id:
            with contextlib.suppress(NodeLost):  # who has finished needs no names
                _board.tell(node, "name", service, port)


def _nothing() -> None:
    pass
