"""Two nodes agree on the barest path between them, or on why there is none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import distrcomp as dc

from .patterns import Path
from .shared_memory import SharedMemory, make_memory, open_memory
from .tcp import ACCEPT_TIMEOUT_S, CONNECT_TIMEOUT_S, BareConnection, Listener, dial, resolve

_TAG = 2


class Bare(Protocol):
    """A path of the fewest steps."""

    def path(self, payload_bytes: int) -> Path:
        """Moves messages of this size."""

    def close(self) -> None:
        """Lets go of it."""


class Direction(NamedTuple):
    """Who dials whom, and the other's machine as the run's peers name it."""

    dialler: int
    listener: int
    host: str


class Ceiling(NamedTuple):
    """The barest path that was found.

    Attributes:
        kind: "memory copy" or "TCP".
        bare: None where there is none.
        missing: why there is none, else empty.
    """

    kind: str
    bare: Bare | None
    missing: str


def agree(other: int, directions: Sequence[Direction], payload_bytes_max: int) -> Ceiling:
    """What both nodes of a pair call at the same time.

    Args:
        other: the other node.
        directions: the ways in which one can dial the other, to be tried in this order; none for
            two nodes of one machine.
        payload_bytes_max: the longest message.
    """
    if not directions:
        return _share_memory(other, payload_bytes_max)
    reasons = []
    for direction in directions:
        is_dialler = direction.dialler == dc.node_id
        connection, mine = _dial(direction) if is_dialler else _listen(direction)
        dc.send(other, mine, _TAG)
        theirs = dc.recv(other, _TAG)
        if connection is not None and not theirs:
            return Ceiling("TCP", connection, "")
        if connection is not None:
            connection.close()
        by_dialler, by_listener = (mine, theirs) if is_dialler else (theirs, mine)
        reasons.append(f"{direction.host}: {by_dialler or by_listener}")
    return Ceiling("TCP", None, "; ".join(reasons))


def _share_memory(other: int, payload_bytes_max: int) -> Ceiling:
    mine = None
    if dc.node_id < other:
        try:
            descriptor = make_memory(payload_bytes_max)
        except OSError as error:
            dc.send(other, str(error.strerror), _TAG)
            return Ceiling("memory copy", None, str(error.strerror))
        dc.send(other, (os.getpid(), descriptor), _TAG)
        reason = dc.recv(other, _TAG)
        mine = SharedMemory(descriptor, 0)
    else:
        where = dc.recv(other, _TAG)
        if isinstance(where, str):
            return Ceiling("memory copy", None, where)
        try:
            mine, reason = SharedMemory(open_memory(*where), 1), ""
        except OSError as error:
            reason = str(error.strerror)
        dc.send(other, reason, _TAG)
    if reason and mine is not None:
        mine.close()
    return Ceiling("memory copy", None if reason else mine, reason)


def _dial(direction: Direction) -> tuple[BareConnection | None, str]:
    """The connection, or why there is none."""
    listener = direction.listener
    try:
        family, address = resolve(direction.host)
    except OSError as error:
        dc.send(listener, None, _TAG)
        return None, f"that name is not known there ({error.strerror})"
    dc.send(listener, (family, address), _TAG)
    door = dc.recv(listener, _TAG)
    if door is None:
        return None, ""  # the other one says why
    port, token = door
    try:
        return BareConnection(dial(family, address, port, token)), ""
    except TimeoutError:
        return None, f"{address} does not answer in {CONNECT_TIMEOUT_S:g} s on a port of its own"
    except OSError as error:
        return None, f"{address}: {error.strerror or error}"


def _listen(direction: Direction) -> tuple[BareConnection | None, str]:
    """The other end of `_dial`."""
    dialler = direction.dialler
    where = dc.recv(dialler, _TAG)
    if where is None:
        return None, ""
    family, address = where
    try:
        listener = Listener(family, address)
    except OSError as error:
        dc.send(dialler, None, _TAG)
        return None, f"{address} is no address of that machine ({error.strerror})"
    dc.send(dialler, (listener.port, listener.token), _TAG)
    try:
        return BareConnection(listener.accept()), ""
    except OSError:
        return None, f"nobody could connect within {ACCEPT_TIMEOUT_S:g} s"
