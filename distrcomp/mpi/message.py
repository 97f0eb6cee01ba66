# ruff: noqa: N802
"""Messages that a matched probe has taken: only their handle receives them (MPI-4.1, 3.8.2)."""

from __future__ import annotations

from typing import Any, Self

from ..errors import CallError, Undecodable
from ..status import MatchedMessage
from .buffer_p2p import BufferCalls, room, take
from .comm_base import CommBase
from .constants import ANY_SOURCE, ANY_TAG, PROC_NULL
from .errors import ERR_REQUEST, MPIException
from .handles import Handle, is_constant, predefine
from .object_p2p import unpickled
from .operations import Done, Operation, yield_core
from .pickles import pickle
from .receiving import node, tell
from .request import Request
from .specs import message as message_spec
from .status import Status


class Matched:
    """A message that was taken.

    Args:
        comm: where it was sent.
        matched: it; None for one from PROC_NULL.
    """

    def __init__(self, comm: CommBase | None, matched: MatchedMessage | None) -> None:
        self.comm = comm
        self.matched = matched
        wanted = None if matched is None else matched._wanted
        self._message = None if wanted is None else wanted.message

    def fill(self, status: Status) -> None:
        """Tells what it is like."""
        if self.comm is None or self._message is None:
            status._set(PROC_NULL, ANY_TAG, 0)
        else:
            tell(self.comm._core, self._message, status)


class Taking(Operation):
    """The receive of a message that was taken.

    Args:
        message: it.
        spec: where its bytes shall be; None for an object.
    """

    def __init__(self, message: Matched, spec: Any) -> None:
        self._message = message
        self._spec = spec
        self._count = -1

    def is_done(self) -> bool:
        return True

    def result(self) -> Any:
        matched, comm = self._message.matched, self._message.comm
        if matched is None or comm is None:
            return None
        try:
            if self._spec is None:
                return _object_of(matched)
            self._count = take(self._spec, matched.recv_raw(room(self._spec))).nbytes
        except (CallError, Undecodable) as error:
            comm._wrong(error)
        return None

    def fill(self, status: Status) -> None:
        self._message.fill(status)
        if self._count >= 0:
            status.count = self._count


class Message(Handle, null="MESSAGE_NULL"):
    """A matched message.

    Example:
        >>> from distrcomp.mpi import MPI
        >>> MPI.COMM_SELF.send({"a": 1}, dest=0)
        >>> MPI.COMM_SELF.mprobe(source=0).recv()
        {'a': 1}
    """

    _state: Matched | None

    @classmethod
    def Probe(
        cls,
        comm: MatchingCalls,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Self:
        """Wait for a message and take it."""
        return cls._wrap(comm._take_message(source, tag, status))

    @classmethod
    def Iprobe(
        cls,
        comm: MatchingCalls,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Self | None:
        """Take the message that has arrived, if there is one."""
        found = comm._look_for_message(source, tag, status)
        return None if found is None else cls._wrap(found)

    probe = Probe
    iprobe = Iprobe

    def Recv(self, buf: Any, status: Status | None = None) -> None:
        """Receive the message into memory."""
        self.Irecv(buf).Wait(status)

    def Irecv(self, buf: Any) -> Request:
        """Begin to receive the message into memory."""
        state = self._living()
        spec = None if state.matched is None else message_spec(buf, True)
        return self._receive(spec)

    def recv(self, status: Status | None = None) -> Any:
        """Receive the object of the message."""
        return self.irecv().wait(status)

    def irecv(self) -> Request:
        """Begin to receive the object of the message."""
        return self._receive(None)

    def _receive(self, spec: Any) -> Request:
        state = self._living()
        if not is_constant(self):
            self._invalidate()
        return Request._of(Done(PROC_NULL) if state.matched is None else Taking(state, spec))

    def _living(self) -> Matched:
        if self._state is None:
            raise MPIException(ERR_REQUEST, "this message was received already")
        return self._state


class MatchingCalls(BufferCalls):
    """The matched probes of a communicator."""

    def Mprobe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Message:
        """Wait for a message and take it."""
        return Message._wrap(self._take_message(source, tag, status))

    def Improbe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Message | None:
        """Take the message that has arrived, if there is one."""
        found = self._look_for_message(source, tag, status)
        return None if found is None else Message._wrap(found)

    mprobe = Mprobe
    improbe = Improbe

    def _take_message(self, source: int, tag: int, status: Status | None) -> Matched:
        if source == PROC_NULL:
            taken = NO_PROC
        else:
            try:
                taken = Matched(self, self._core.mprobe(node(source), tag))
            except CallError as error:
                self._wrong(error)
        if status is not None:
            taken.fill(status)
        return taken

    def _look_for_message(self, source: int, tag: int, status: Status | None) -> Matched | None:
        if source == PROC_NULL:
            return self._take_message(source, tag, status)
        try:
            found = self._core.improbe(node(source), tag)
        except CallError as error:
            self._wrong(error)
        if found is not None:
            taken = Matched(self, found)
            if status is not None:
                taken.fill(status)
            return taken
        yield_core()
        if status is not None:
            status._set(ANY_SOURCE, ANY_TAG, 0)
        return None


def _object_of(matched: MatchedMessage) -> Any:
    return matched.recv() if not pickle.is_changed else unpickled(matched.recv_raw())


NO_PROC = Matched(None, None)

MESSAGE_NULL: Message = predefine("MESSAGE_NULL", Message())
MESSAGE_NO_PROC: Message = predefine("MESSAGE_NO_PROC", Message._wrap(NO_PROC))
