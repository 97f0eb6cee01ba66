"""`mpi4py.util.pkl5`: communicators that keep an object's buffers out of its pickle.

Each object travels as one message that holds its pickle (protocol 5) and its buffers, and distrcomp
sends buffers inside of objects without copying them. So, other than on an MPI library, there is one
message for each object and nothing to be matched that belongs together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from . import MPI
from .MPI import ANY_SOURCE, ANY_TAG, PROC_NULL, ROOT, Pickle, Status

__all__ = [
    "ANY_SOURCE",
    "ANY_TAG",
    "PROC_NULL",
    "ROOT",
    "Comm",
    "Intercomm",
    "Intracomm",
    "Message",
    "Pickle",
    "Request",
    "Status",
    "pickle",
]

pickle: Pickle = MPI.pickle

# A pickle and its buffers on their way.
_Packed = tuple[bytes, list[Any]]


def _pack(obj: object) -> _Packed:
    data, buffers = pickle.dumps_oob(obj)
    return data, [np.frombuffer(buffer, "u1") for buffer in buffers]


def _unpack(packed: _Packed | None) -> Any:
    """The object; None for what came from PROC_NULL, or came not at all."""
    if packed is None:
        return None
    data, buffers = packed
    return pickle.loads_oob(data, buffers)


class _BigMPI:
    """What mpi4py counts large messages with. Here a count may be as large as it likes."""

    blocksize = 1 << 30

    def __init__(self) -> None:
        self.cache: dict[int, MPI.Datatype] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cache.clear()

    def __call__(self, buf: Any) -> tuple[Any, int, MPI.Datatype]:
        buffer = MPI.buffer.frombuffer(buf)
        return buffer, len(buffer), MPI.BYTE


_bigmpi = _BigMPI()


class Request(tuple[MPI.Request, ...]):
    """Request."""

    _receives = False

    def __new__(cls, request: MPI.Request | Iterable[MPI.Request] | None = None) -> Request:
        """Create and return a new object."""
        if request is None:
            request = (MPI.REQUEST_NULL,)
        elif isinstance(request, MPI.Request):
            request = (request,)
        self = super().__new__(cls, request)
        self._receives = isinstance(request, Request) and request._receives
        return self

    def __eq__(self, other: object) -> bool:
        """Return ``self==other``."""
        return _equal(self, other, Request, MPI.Request)

    def __ne__(self, other: object) -> bool:
        """Return ``self!=other``."""
        equal = _equal(self, other, Request, MPI.Request)
        return equal if equal is NotImplemented else not equal

    def __bool__(self) -> bool:
        """Return ``bool(self)``."""
        return any(self)

    def Free(self) -> None:  # noqa: N802
        """Free a communication request."""
        for request in self:
            if request:
                request.Free()

    def free(self) -> None:
        """Free a communication request."""
        self.Free()

    def cancel(self) -> None:
        """Cancel a communication request."""
        for request in self:
            request.Cancel()

    def get_status(self, status: Status | None = None) -> bool:
        """Non-destructive test for the completion of a request."""
        return all(request.Get_status(status) for request in self)

    def test(self, status: Status | None = None) -> tuple[bool, Any | None]:
        """Test for the completion of a request."""
        flag, messages = MPI.Request.testall(list(self), None if status is None else [status])
        return flag, self._object(messages) if flag else None

    def wait(self, status: Status | None = None) -> Any:
        """Wait for a request to complete."""
        messages = MPI.Request.waitall(list(self), None if status is None else [status])
        return self._object(messages)

    @classmethod
    def get_status_all(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> bool:
        """Non-destructive test for the completion of all requests."""
        return MPI.Request.get_status_all(_flat(requests), statuses)

    @classmethod
    def testall(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> tuple[bool, list[Any] | None]:
        """Test for the completion of all requests."""
        flag, messages = MPI.Request.testall(_flat(requests), statuses)
        return flag, _objects(requests, messages) if flag else None

    @classmethod
    def waitall(
        cls, requests: Sequence[Request], statuses: list[Status] | None = None
    ) -> list[Any]:
        """Wait for all requests to complete."""
        return _objects(requests, MPI.Request.waitall(_flat(requests), statuses))

    def _object(self, messages: Sequence[Any] | None) -> Any:
        return _unpack(messages[0]) if self._receives and messages else None


class Message(tuple[MPI.Message, ...]):
    """Message."""

    def __new__(cls, message: MPI.Message | Iterable[MPI.Message] | None = None) -> Message:
        """Create and return a new object."""
        if message is None:
            message = (MPI.MESSAGE_NULL,)
        elif isinstance(message, MPI.Message):
            message = (message,)
        return super().__new__(cls, message)

    def __eq__(self, other: object) -> bool:
        """Return ``self==other``."""
        return _equal(self, other, Message, MPI.Message)

    def __ne__(self, other: object) -> bool:
        """Return ``self!=other``."""
        equal = _equal(self, other, Message, MPI.Message)
        return equal if equal is NotImplemented else not equal

    def __bool__(self) -> bool:
        """Return ``bool(self)``."""
        return any(self)

    def free(self) -> None:
        """Do nothing."""

    def recv(self, status: Status | None = None) -> Any:
        """Blocking receive of matched message."""
        return _unpack(self[0].recv(status))

    def irecv(self) -> Request:
        """Nonblocking receive of matched message."""
        request = Request(self[0].irecv())
        request._receives = True
        return request

    @classmethod
    def probe(
        cls,
        comm: MPI.Comm,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Message:
        """Blocking test for a matched message."""
        return cls(_plain(comm).mprobe(source, tag, status))

    @classmethod
    def iprobe(
        cls,
        comm: MPI.Comm,
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Message | None:
        """Nonblocking test for a matched message."""
        message = _plain(comm).improbe(source, tag, status)
        return None if message is None else cls(message)


class Comm(MPI.Comm):
    """Communicator."""

    __slots__ = ()

    def send(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Blocking send in standard mode."""
        self._plain().send(_pack(obj), dest, tag)

    def bsend(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Blocking send in buffered mode."""
        self._plain().bsend(_pack(obj), dest, tag)

    def ssend(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Blocking send in synchronous mode."""
        self._plain().ssend(_pack(obj), dest, tag)

    def isend(  # type: ignore[override]
        self, obj: Any, dest: int, tag: int = 0
    ) -> Request:
        """Nonblocking send in standard mode."""
        return Request(self._plain().isend(_pack(obj), dest, tag))

    def ibsend(  # type: ignore[override]
        self, obj: Any, dest: int, tag: int = 0
    ) -> Request:
        """Nonblocking send in buffered mode."""
        return Request(self._plain().ibsend(_pack(obj), dest, tag))

    def issend(  # type: ignore[override]
        self, obj: Any, dest: int, tag: int = 0
    ) -> Request:
        """Nonblocking send in synchronous mode."""
        return Request(self._plain().issend(_pack(obj), dest, tag))

    def recv(
        self,
        buf: Any = None,  # noqa: ARG002  accepted: what arrives has memory of its own
        source: int = ANY_SOURCE,
        tag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Blocking receive."""
        return _unpack(self._plain().recv(None, source, tag, status))

    def irecv(  # type: ignore[override]
        self, buf: Any = None, source: int = ANY_SOURCE, tag: int = ANY_TAG
    ) -> Request:
        """Not supported, as in mpi4py: use mprobe and Message.irecv."""
        del buf, source, tag
        raise RuntimeError("irecv: pkl5 communicators have none; use mprobe and Message.irecv")

    def sendrecv(
        self,
        sendobj: Any,
        dest: int,
        sendtag: int = 0,
        recvbuf: Any = None,  # noqa: ARG002  accepted: what arrives has memory of its own
        source: int = ANY_SOURCE,
        recvtag: int = ANY_TAG,
        status: Status | None = None,
    ) -> Any:
        """Send and receive."""
        return _unpack(
            self._plain().sendrecv(_pack(sendobj), dest, sendtag, None, source, recvtag, status)
        )

    def mprobe(  # type: ignore[override]
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Message:
        """Blocking test for a matched message."""
        return Message.probe(self, source, tag, status)

    def improbe(  # type: ignore[override]
        self, source: int = ANY_SOURCE, tag: int = ANY_TAG, status: Status | None = None
    ) -> Message | None:
        """Nonblocking test for a matched message."""
        return Message.iprobe(self, source, tag, status)

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Broadcast."""
        is_root = self._is_root(root)
        packed = self._plain().bcast(_pack(obj) if is_root else None, root)
        return obj if is_root and not self.Is_inter() else _unpack(packed)

    def gather(self, sendobj: Any, root: int = 0) -> list[Any] | None:
        """Gather."""
        everything = self._plain().gather(_pack(sendobj), root)
        return None if everything is None else [_unpack(packed) for packed in everything]

    def scatter(self, sendobj: Iterable[Any] | None, root: int = 0) -> Any:
        """Scatter."""
        packed = self._pack_each(sendobj) if self._is_root(root) else None
        return _unpack(self._plain().scatter(packed, root))

    def allgather(self, sendobj: Any) -> list[Any]:
        """Gather to All."""
        return [_unpack(packed) for packed in self._plain().allgather(_pack(sendobj))]

    def alltoall(self, sendobj: Iterable[Any] | None) -> list[Any]:
        """All to All Scatter/Gather."""
        return [_unpack(packed) for packed in self._plain().alltoall(self._pack_each(sendobj))]

    def _plain(self) -> Any:
        """The same communicator with MPI's own calls, which may call each other."""
        return _plain(self)

    def _is_root(self, root: int) -> bool:
        return root == (ROOT if self.Is_inter() else self.Get_rank())

    def _pack_each(self, objects: Iterable[Any] | None) -> list[_Packed]:
        """One packed object for each who will get one."""
        plain = self._plain()
        size = plain.Get_remote_size() if self.Is_inter() else plain.Get_size()
        listed = [None] * size if objects is None else list(objects)
        if len(listed) != size:
            raise ValueError(f"expecting {size} items, got {len(listed)}")
        return [_pack(each) for each in listed]


class Intracomm(Comm, MPI.Intracomm):
    """Intracommunicator."""

    __slots__ = ()


class Intercomm(Comm, MPI.Intercomm):
    """Intercommunicator."""

    __slots__ = ()


def _plain(comm: MPI.Comm) -> Any:
    return (MPI.Intercomm if comm.Is_inter() else MPI.Intracomm)(comm)


def _equal(this: Any, other: object, own: type, wrapped: type) -> bool:
    if isinstance(other, wrapped):
        other = (other,)
    elif not isinstance(other, own):
        return NotImplemented  # type: ignore[no-any-return]
    return bool(tuple.__eq__(this, other))


def _flat(requests: Sequence[Request]) -> list[MPI.Request]:
    return [each for request in requests for each in request]


def _objects(requests: Sequence[Request], messages: Sequence[Any] | None) -> list[Any]:
    """The object of each request, of the messages of all that they are made of."""
    rest = iter(messages or ())
    return [request._object([next(rest, None) for _ in request]) for request in requests]
