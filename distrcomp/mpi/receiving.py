"""Receiving with a status: who sent a message, under which tag, and how many bytes it has.

The core's own calls say what a message was like after a detour only, so here its steps are taken
one by one, the short ones first (see distrcomp.link_path and distrcomp.fast_path).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import codec
from ..errors import CallError, Undecodable
from ..mailbox import ANY, Receive
from ..requests import Request as CoreRequest
from .comm_base import CommBase
from .constants import ANY_SOURCE
from .object_sizes import object_bytes
from .operations import CoreOperation

if TYPE_CHECKING:
    from ..communicator import Communicator
    from ..frames import Message
    from .status import Status


class Receiving(CoreOperation):
    """A receive under way.

    Args:
        comm: whose error handler is asked about what goes wrong.
        request, take: as in CoreOperation.
    """

    def __init__(
        self, comm: CommBase, request: CoreRequest, take: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__(request, take)
        self._comm = comm
        self._core = comm._core
        self._wanted: Receive = request._wanted  # type: ignore[attr-defined]

    def result(self) -> Any:
        try:
            return super().result()
        except (CallError, Undecodable) as error:
            self._comm._wrong(error)

    def fill(self, status: Status) -> None:
        wanted = self._wanted
        if wanted.message is not None and not self.is_cancelled:
            tell(self._core, wanted.message, status)
            return
        source = self._core._ids.get(wanted.source, ANY_SOURCE)
        status._set(source, wanted.tag, 0)
        status.cancelled = self.is_cancelled


def receive(core: Communicator, source: int, tag: int, status: Status) -> Any:
    """The object of the next message, as `recv` of the core returns it."""
    message = _receive_soon(core, source, tag)
    if message is not None:
        tell(core, message, status)
        value = codec.decode(message.codec, message.meta, message.buffers)
        if core._gate.interrupted:
            core._engine.give_back(message)
        return value
    wanted = core._wanted(source, tag)
    tell(core, core._engine.receive(wanted, core._time(None)), status)
    return core._take(wanted, None, None)


def find(core: Communicator, source: int, tag: int) -> Message:
    """The next message, which stays unread; waits for it."""
    message = core._engine.find(core._wanted(source, tag), core._time(None))
    core._engine.check_interrupt()
    return message


def look_for(core: Communicator, source: int, tag: int) -> Message | None:
    """The next message, which stays unread, if it is there."""
    message = core._engine.look_for(core._wanted(source, tag))
    core._engine.check_interrupt()
    return message


def tell(core: Communicator, message: Message, status: Status) -> None:
    """Fills a status by what a message is like."""
    status._set(core._ids[message.source], message.tag, object_bytes(message))


def node(source: int) -> int:
    """What the core calls a source that is not PROC_NULL."""
    return ANY if source == ANY_SOURCE else source


def _receive_soon(core: Communicator, source: int, tag: int) -> Message | None:
    """The next message, if it comes soon by a link that can be looked at alone."""
    if source == ANY:
        reader = core._find_any(source, None)
        return None if reader is None else core._recv_link(core._ids[reader.node], tag, None)
    return core._recv_link(source, tag, None)
