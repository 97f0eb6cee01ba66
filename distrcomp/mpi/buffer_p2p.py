# ruff: noqa: N802
"""Memory between two nodes: the upper-case calls of a communicator.

What lies in one piece is sent from where it lies and received to where it shall lie; other layouts
are packed into one piece first, or unpacked from one (see specs). A message longer than the memory
it is received into is an error, and the memory is full then (MPI-4.1, 3.2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import CallError, Truncated, Undecodable
from ..raw import RawMessage
from ..requests import Request as CoreRequest
from .attributes import HIGHEST_TAG
from .buffering import BufferOwner, node_pool
from .comm_base import CommBase
from .constants import ANY_SOURCE, ANY_TAG, PROC_NULL
from .errors import ERR_RANK, ERR_TAG, MPIException
from .info import INFO_NULL, Info
from .operations import CoreOperation, Done, Operation, Parts, Renewed, Sent
from .partitioned import Board, PartitionedReceive, PartitionedSend
from .prequest import Prequest
from .receiving import Receiving, node
from .request import Request
from .specs import MessageSpec, message
from .status import Status

_NO_MEMORY = memoryview(bytearray())


class BufferReceive(Receiving):
    """A receive into memory.

    Args:
        comm: whose error handler is asked about a message that is too long.
        spec: the memory.
        begin: what begins to receive, given the memory if it lies in one piece.
    """

    def __init__(
        self,
        comm: CommBase,
        spec: MessageSpec,
        begin: Callable[[memoryview | None], CoreRequest],
    ) -> None:
        super().__init__(comm, begin(room(spec)), lambda raw: take(spec, raw))
        self._spec = spec

    def result(self) -> None:
        super().result()

    def fill(self, status: Status) -> None:
        super().fill(status)
        if self._value is not None:
            status.count = self._value.nbytes
        elif isinstance(self._error, Truncated):
            status.count = self._spec.nbytes

    def end(self) -> None:
        """Its request was waited for, or freed: then what comes is put into the memory still."""
        if self._is_over or self.is_cancelled:
            return
        with self._core._gate:
            if self._wanted.message is None:
                self._wanted.then = self._land
                return
        self._land()

    def _land(self) -> None:
        with suppress(CallError, Undecodable):  # nobody asks any more
            take(self._spec, self._request._result(None))


class BufferCalls(BufferOwner, CommBase):
    """The calls that send and receive memory."""

    # --- blocking -------------------------------------------------------------------------------

    def Send(self, buf: Any, dest: int, tag: int = 0) -> None:
        """Send memory; return when it may be changed."""
        if dest == PROC_NULL:
            return
        try:
            self._core.send_raw(dest, message(buf).to_bytes(), tag)
        except CallError as error:
            self._wrong(error)

    def Ssend(self, buf: Any, dest: int, tag: int = 0) -> None:
        """Send memory; return when a receive was matched with it."""
        if dest == PROC_NULL:
            return
        try:
            self._core.ssend_raw(dest, message(buf).to_bytes(), tag)
        except CallError as error:
            self._wrong(error)

    def Rsend(self, buf: Any, dest: int, tag: int = 0) -> None:
        """Send memory for which a receive was posted; the same as Send."""
        self.Send(buf, dest, tag)

    def Bsend(self, buf: Any, dest: int, tag: int = 0) -> None:
        """Send memory by way of the attached buffer; return at once."""
        if dest != PROC_NULL:
            self._send_buffered(message(buf).to_bytes(), dest, tag)

    def Recv(
        self,
        buf: Any,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> None:
        """Receive into memory."""
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return
        spec = message(buf, True)
        try:
            raw = take(spec, self._core.recv_raw(node(source), tag, None, room(spec)))
        except CallError as error:
            self._wrong(error)
        if status is not None:
            status._set(raw.source, raw.tag, raw.nbytes)

    def Sendrecv(
        self,
        sendbuf: Any,
        dest: int,
        sendtag: int = 0,
        recvbuf: Any = None,
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
        status: Status | None = None,
    ) -> None:
        """Send memory and receive into other memory at once."""
        receiving = self._receive_begun(recvbuf, source, recvtag)
        self._while(receiving, lambda: self.Send(sendbuf, dest, sendtag))
        Request._of(receiving).Wait(status)

    def Sendrecv_replace(
        self,
        buf: Any,
        dest: int,
        sendtag: int = 0,
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
        status: Status | None = None,
    ) -> None:
        """Send memory and receive into the same memory."""
        self.Isendrecv_replace(buf, dest, sendtag, source, recvtag).Wait(status)

    # --- begun ----------------------------------------------------------------------------------

    def Isend(self, buf: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send memory, which must not be changed before the request is done."""
        return Request._of(self._send_begun("isend_raw", buf, dest, tag))

    def Issend(self, buf: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send memory; done when a receive was matched with it."""
        return Request._of(self._send_begun("issend_raw", buf, dest, tag))

    def Irsend(self, buf: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send memory for which a receive was posted; the same as Isend."""
        return self.Isend(buf, dest, tag)

    def Ibsend(self, buf: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send memory by way of the attached buffer; the request is done at once."""
        self.Bsend(buf, dest, tag)
        return Request._of(Sent())

    def Irecv(self, buf: Any, source: int = ANY_SOURCE, tag: int = ANY_TAG) -> Request:
        """Begin to receive into memory, which must not be touched before the request is done."""
        return Request._of(self._receive_begun(buf, source, tag))

    def Isendrecv(
        self,
        sendbuf: Any,
        dest: int,
        sendtag: int = 0,
        recvbuf: Any = None,
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
    ) -> Request:
        """Begin to send memory and to receive into other memory."""
        receiving = self._receive_begun(recvbuf, source, recvtag)
        sending = self._while(
            receiving, lambda: self._send_begun("isend_raw", sendbuf, dest, sendtag)
        )
        return Request._of(Parts((sending, receiving)))

    def Isendrecv_replace(
        self,
        buf: Any,
        dest: int,
        sendtag: int = 0,
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
    ) -> Request:
        """Begin to send memory and to receive into the same memory."""
        copy = memoryview(b"" if dest == PROC_NULL else bytes(message(buf).to_bytes()))
        receiving = self._receive_begun(buf, source, recvtag)
        sending = self._while(receiving, lambda: self._send_view("isend_raw", copy, dest, sendtag))
        return Request._of(Parts((sending, receiving)))

    # --- persistent -----------------------------------------------------------------------------

    def Send_init(self, buf: Any, dest: int, tag: int = 0) -> Prequest:
        """Make a request that sends memory each time it is started."""
        return self._renewed(buf, dest, lambda: self._send_begun("isend_raw", buf, dest, tag))

    def Ssend_init(self, buf: Any, dest: int, tag: int = 0) -> Prequest:
        """Make a request that sends memory each time, done when a receive was matched with it."""
        return self._renewed(buf, dest, lambda: self._send_begun("issend_raw", buf, dest, tag))

    def Rsend_init(self, buf: Any, dest: int, tag: int = 0) -> Prequest:
        """Make a request like that of Send_init."""
        return self.Send_init(buf, dest, tag)

    def Bsend_init(self, buf: Any, dest: int, tag: int = 0) -> Prequest:
        """Make a request that sends memory by way of the attached buffer each time."""

        def begin() -> Operation:
            self.Bsend(buf, dest, tag)
            return Sent()

        return self._renewed(buf, dest, begin)

    def Recv_init(self, buf: Any, source: int = ANY_SOURCE, tag: int = ANY_TAG) -> Prequest:
        """Make a request that receives into memory each time it is started."""
        return self._renewed(buf, source, lambda: self._receive_begun(buf, source, tag), True)

    # --- partitioned ----------------------------------------------------------------------------

    def Psend_init(
        self,
        buf: Any,
        partitions: int,
        dest: int,
        tag: int = 0,
        info: Info = INFO_NULL,  # noqa: ARG002
    ) -> Prequest:
        """Make a request that sends memory in partitions, each when `Pready` says so."""
        if dest == PROC_NULL:
            return Prequest._of(PartitionedSend(None, dest, tag, None, partitions))
        self._check_partitioned(dest, tag)
        spec = message(buf)
        return Prequest._of(PartitionedSend(self._board(), dest, tag, spec, partitions))

    def Precv_init(
        self,
        buf: Any,
        partitions: int,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        info: Info = INFO_NULL,  # noqa: ARG002
    ) -> Prequest:
        """Make a request that receives memory in partitions; `Parrived` tells which are there."""
        if source == PROC_NULL:
            return Prequest._of(PartitionedReceive(None, source, tag, None, partitions))
        self._check_partitioned(source, tag)
        spec = message(buf, True)
        return Prequest._of(PartitionedReceive(self._board(), source, tag, spec, partitions))

    def _check_partitioned(self, node: int, tag: int) -> None:
        if not 0 <= node < self._core.n_node:
            self._fail(ERR_RANK, f"there is no rank {node}, and any rank is not allowed here")
        if not 0 <= tag <= HIGHEST_TAG:
            self._fail(ERR_TAG, f"{tag} is no tag, and any tag is not allowed here")

    def _board(self) -> Board:
        state = self._live
        if state.board is None:
            state.board = Board(self._core)
        board: Board = state.board
        return board

    # --- inside ---------------------------------------------------------------------------------

    def _send_buffered(self, view: memoryview, dest: int, tag: int) -> None:
        own = self._live.buffer
        pool = own if own is not None and own.is_attached else node_pool
        try:
            pool.take(view.nbytes)
            request = self._core.ibsend_raw(dest, memoryview(bytes(view)), tag)
        except CallError as error:
            self._wrong(error)
        except MPIException as error:
            self._fail(error.Get_error_code(), error.detail)
        if not request._is_done():
            pool.hold(view.nbytes, CoreOperation(request, is_send=True))

    def _send_begun(self, call: str, buf: Any, dest: int, tag: int) -> Operation:
        if dest == PROC_NULL:
            return Sent()
        return self._send_view(call, message(buf).to_bytes(), dest, tag)

    def _send_view(self, call: str, view: memoryview, dest: int, tag: int) -> Operation:
        if dest == PROC_NULL:
            return Sent()
        try:
            return CoreOperation(getattr(self._core, call)(dest, view, tag), is_send=True)
        except CallError as error:
            self._wrong(error)

    def _receive_begun(self, buf: Any, source: int, tag: int) -> Operation:
        if source == PROC_NULL:
            return Done(PROC_NULL)
        try:
            return BufferReceive(
                self, message(buf, True), lambda into: self._core.irecv_raw(node(source), tag, into)
            )
        except CallError as error:
            self._wrong(error)

    def _renewed(
        self, buf: Any, node: int, begin: Callable[[], Operation], writable: bool = False
    ) -> Prequest:
        if node != PROC_NULL:
            message(buf, writable)  # raises at once what is wrong with it
        return Prequest._of(Renewed(begin))

    def _while(self, receiving: Operation, send: Callable[[], Any]) -> Any:
        """Sends while a receive is posted, which is taken back if that fails."""
        try:
            return send()
        except BaseException:
            receiving.cancel()
            raise


def room(spec: MessageSpec) -> memoryview | None:
    """Where to receive into; None if what is received must be unpacked."""
    return spec.writable() if spec.nbytes else _NO_MEMORY


def take(spec: MessageSpec, raw: RawMessage) -> RawMessage:
    """Puts a received message where `spec` says, if it does not lie there already.

    Raises:
        Truncated: it is longer.
    """
    data = raw.data
    if data is not None:
        spec.from_bytes(data[: spec.nbytes])
        if data.nbytes > spec.nbytes:
            raise Truncated(raw.source, raw.tag, raw.nbytes, spec.nbytes)
    return raw
