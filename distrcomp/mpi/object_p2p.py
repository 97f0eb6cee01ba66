"""Objects between two nodes: the lower-case calls of a communicator.

`send` and `recv` in their simple form go straight to the core, which pickles nothing that it knows
how to send better. What is not simple (PROC_NULL, a status, a pickle of the program's own) goes
another way; the look at it costs a comparison.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

from ..errors import CallError, Undecodable
from ..status import Status as CoreStatus
from .comm_base import CommBase
from .constants import ANY_SOURCE, ANY_TAG, PROC_NULL
from .operations import CoreOperation, Done
from .request import Request
from .status import Status


class ObjectCalls(CommBase):
    """The calls that send and receive any picklable object."""

    def send(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Send an object; return when it may be changed."""
        if dest == PROC_NULL:
            return
        try:
            self._core.send(dest, obj, tag)
        except CallError as error:
            self._wrong(error)

    def ssend(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Send an object; return when a receive was matched with it."""
        if dest == PROC_NULL:
            return
        try:
            self._core.ssend(dest, obj, tag)
        except CallError as error:
            self._wrong(error)

    def isend(self, obj: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send an object, which may be changed at once."""
        return self._begin_send("isend", obj, dest, tag)

    def issend(self, obj: Any, dest: int, tag: int = 0) -> Request:
        """Begin to send an object; done when a receive was matched with it."""
        return self._begin_send("issend", obj, dest, tag)

    def recv(
        self,
        buf: Any = None,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Receive an object."""
        if buf is not None:
            warnings.warn("the 'buf' argument is deprecated", UserWarning, stacklevel=2)
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return None
        try:
            if status is None:
                return self._core.recv(source, tag)
            told = CoreStatus()
            value = self._core.recv(source, tag, status=told)
        except (CallError, Undecodable) as error:
            self._wrong(error)
        status._set(told.source, told.tag, told.payload_bytes)
        return value

    def irecv(
        self, buf: Any = None, source: int = ANY_SOURCE, tag: int = ANY_TAG
    ) -> Request:
        """Begin to receive an object of any size."""
        if source == PROC_NULL:
            return Request._of(Done(PROC_NULL))
        try:
            return Request._of(CoreOperation(self._core.irecv(source, tag)))
        except CallError as error:
            self._wrong(error)

    def sendrecv(
        self,
        sendobj: Any,
        dest: int,
        sendtag: int = 0,
        recvbuf: Any = None,
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Send an object and receive another one at once."""
        receiving = self.irecv(recvbuf, source, recvtag)
        self.send(sendobj, dest, sendtag)
        return receiving.wait(status)

    def probe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Literal[True]:
        """Wait for a message without receiving it."""
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return True
        told = self._core.probe(source, tag)
        if status is not None:
            status._set(told.source, told.tag, told.payload_bytes)
        return True

    def iprobe(
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> bool:
        """Whether a message has arrived that `recv` would return."""
        if source == PROC_NULL:
            if status is not None:
                status._set(PROC_NULL, ANY_TAG, 0)
            return True
        told = self._core.iprobe(source, tag)
        if status is not None:
            if told is None:
                status._set(ANY_SOURCE, ANY_TAG, 0)
            else:
                status._set(told.source, told.tag, told.payload_bytes)
        return told is not None

    def _begin_send(self, call: str, obj: Any, dest: int, tag: int) -> Request:
        if dest == PROC_NULL:
            return Request._of(Done())
        try:
            request = getattr(self._core, call)(dest, obj, tag)
        except CallError as error:
            self._wrong(error)
        if not request._is_done():
            request._let_go()
        return Request._of(CoreOperation(request, is_send=True))
