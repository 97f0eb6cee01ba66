"""The calls for raw messages (see `raw`), of every communicator."""

from __future__ import annotations

from functools import partial

from .mailbox import ANY
from .raw import RawMessage, encode_raw
from .request_kinds import ReceiveRequest
from .requests import Request
from .serving_path import ServingPath
from .targets import raw_target


class RawCalls(ServingPath):
    """What `distrcomp.mpi` stands on: bytes in one piece, one-dimensional views of format B."""

    __slots__ = ()

    def send_raw(self, dest: int, view: memoryview, tag: int = 0) -> None:
        """Sends bytes, in standard mode; see `send`."""
        self._send_encoded(dest, tag, encode_raw(view))

    def ssend_raw(self, dest: int, view: memoryview, tag: int = 0) -> None:
        """Sends bytes and returns when a receive was matched with them; see `ssend`."""
        self._finish(self._post(dest, tag, encode_raw(view), synchronous=True))

    def isend_raw(self, dest: int, view: memoryview, tag: int = 0) -> Request:
        """Begins to send bytes; see `isend`."""
        return self._send_request(self._post(dest, tag, encode_raw(view)), tag)

    def ibsend_raw(self, dest: int, view: memoryview, tag: int = 0) -> Request:
        """Begins to send bytes that are its own, and waits for nobody; see `isend`.

        The request need not be waited for.
        """
        sending = self._post(dest, tag, encode_raw(view), synchronous=False)
        request = self._send_request(sending, tag)
        request.excuse()
        return request

    def issend_raw(self, dest: int, view: memoryview, tag: int = 0) -> Request:
        """Begins to send bytes, done when a receive was matched with them; see `issend`."""
        return self._send_request(self._post(dest, tag, encode_raw(view), synchronous=True), tag)

    def recv_raw(
        self,
        source: int = ANY,
        tag: int = ANY,
        timeout: float | None = None,
        into: memoryview | None = None,
    ) -> RawMessage:
        """Receives bytes.

        Args:
            into: writable memory for them, which may be longer.

        Raises:
            Truncated: they are more than `into` holds, which then is full; the message is gone.
            RecvTimeout, NodeLost, NoSuchNode, BadTag, WorldClosed: as `recv`.
        """
        wanted = self._wanted(source, tag)
        wanted.target = raw_target(into)
        if not self._take_soon(source, wanted, timeout):
            self._engine.receive(wanted, self._time(timeout))
        taken = self._open_raw(wanted, into)
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        return taken

    def irecv_raw(
        self, source: int = ANY, tag: int = ANY, into: memoryview | None = None
    ) -> Request:
        """Begins to receive bytes; the request's `wait` returns the RawMessage."""
        wanted = self._wanted(source, tag)
        wanted.target = raw_target(into)
        self._engine.post_receive(wanted)
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        take = partial(self._open_raw, into=into)
        return ReceiveRequest(self._engine, wanted, take, self._status_of, self._timeout)
