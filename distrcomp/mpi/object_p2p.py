"""Objects between two nodes: the lower-case calls of a communicator.

`send` and `recv` in their simple form go straight to the core, which pickles nothing that it knows
how to send better. Where the program has given `MPI.pickle` functions of its own, objects travel as
the bytes that these make. An object may be changed as soon as a call that sends it has returned, be
it `isend`: MPI for Python has pickled it by then, so programs rely on that.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CallError, Undecodable
from ..mailbox import ANY
from .buffer_p2p import BufferCalls
from .constants import ANY_SOURCE, ANY_TAG, PROC_NULL
from .memory import buffer
from .operations import CoreOperation, Done, Operation, Sent, yield_core
from .pickles import pickle
from .receiving import Receiving, find, look_for, node, receive, tell
from .request import Request
from .status import Status

if TYPE_CHECKING:
    from ..raw import RawMessage


class ObjectCalls(BufferCalls):
    """The calls that send and receive any picklable object."""

    # --- sending ----------------------------------------------------------------------------------

    def send(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Send an object; return when it may be changed."""
        if dest == PROC_NULL:
            return
        try:
            if not pickle.is_changed:
                self._core.send(dest, obj, tag)
            else:
                self._core.send_raw(dest, _pickled(obj), tag)
        except CallError as error:
            self._wrong(error)

    def ssend(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Send an object; return when a receive was matched with it."""
        if dest == PROC_NULL:
            return
        try:
            if not pickle.is_changed:
                self._core.ssend(dest, obj, tag)
            else:
                self._core.ssend_raw(dest, _pickled(obj), tag)
        except CallError as error:
            self._wrong(error)

    def bsend(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Send an object by way of the attached buffer; return at once."""
        if dest != PROC_NULL:
            self._send_buffered(_pickled(obj), dest, tag)

    def isend(self, obj: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send an object."""
        return Request._of(self._object_send_begun("isend", obj, dest, tag))

    def issend(self, obj: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send an object; done when a receive was matched with it."""
        return Request._of(self._object_send_begun("issend", obj, dest, tag))

    def ibsend(self, obj: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send an object by way of the attached buffer; the request is done at once."""
        self.bsend(obj, dest, tag)
        return Request._of(Sent())

    # --- receiving --------------------------------------------------------------------------------

    def recv(
        self,
        buf: Any = None,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Receive an object; `buf` does nothing."""
        if buf is not None:
            warnings.warn("the 'buf' argument is deprecated", UserWarning, stacklevel=2)
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return None
        if source == ANY_SOURCE:
            source = ANY
        try:
            if pickle.is_changed:
                raw = self._core.recv_raw(source, tag)
                if status is not None:
                    status._set(raw.source, raw.tag, raw.nbytes)
                return unpickled(raw)
            if status is None:
                return self._core.recv(source, tag)
            return receive(self._core, source, tag, status)
        except (CallError, Undecodable) as error:
            self._wrong(error)

    def irecv(
        self,
        buf: Any = None,  # noqa: ARG002
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
    ) -> Request:
        """Begin to receive an object of any size; `buf` does nothing."""
        return Request._of(self._object_receive_begun(source, tag))

    def sendrecv(
        self,
        sendobj: Any,
        dest: int,
        sendtag: int = 0,
        recvbuf: Any = None,  # noqa: ARG002
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Send an object and receive another one at once."""
        receiving = self._object_receive_begun(source, recvtag)
        self._while(receiving, lambda: self.send(sendobj, dest, sendtag))
        return Request._of(receiving).wait(status)

    # --- looking ----------------------------------------------------------------------------------

    def probe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Literal[True]:
        """Wait for a message without receiving it."""
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return True
        try:
            message = find(self._core, node(source), tag)
        except CallError as error:
            self._wrong(error)
        if status is not None:
            tell(self._core, message, status)
        return True

    def iprobe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> bool:
        """Whether a message has arrived that `recv` would return."""
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return True
        try:
            message = look_for(self._core, node(source), tag)
        except CallError as error:
            self._wrong(error)
        if message is None:
            yield_core()
        if status is not None:
            if message is None:
                status._set(ANY_SOURCE, ANY_TAG, 0)
            else:
                tell(self._core, message, status)
        return message is not None

    Probe = probe
    Iprobe = iprobe

    # --- inside -----------------------------------------------------------------------------------

    def _object_send_begun(self, call: str, obj: Any, dest: int, tag: int) -> Operation:
        if dest == PROC_NULL:
            return Sent()
        if pickle.is_changed:
            return self._send_view(f"{call}_raw", _pickled(obj), dest, tag)
        try:
            request = getattr(self._core, call)(dest, obj, tag)
        except CallError as error:
            self._wrong(error)
        if not request._is_done():
            request._let_go()
        return CoreOperation(request, is_send=True)

    def _object_receive_begun(self, source: int, tag: int) -> Operation:
        if source == PROC_NULL:
            return Done(PROC_NULL)
        try:
            if not pickle.is_changed:
                return Receiving(self, self._core.irecv(node(source), tag))
            return Receiving(self, self._core.irecv_raw(node(source), tag), unpickled)
        except CallError as error:
            self._wrong(error)


def unpickled(raw: RawMessage) -> Any:
    """The object that raw bytes are to `MPI.pickle`; None for none."""
    return pickle.loads(buffer.frombuffer(raw.data)) if raw.nbytes else None


def _pickled(obj: Any) -> memoryview:
    return memoryview(pickle.dumps(obj)).cast("B")
