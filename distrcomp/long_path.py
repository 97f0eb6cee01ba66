"""The long way of every call, which can do everything; the short ways stand on it.

A call becomes a message posted or a receive matched, by the engine. Where Ctrl-C or a misfit ends
a call, the message that it was about to return is unread again.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from . import codec
from .arguments import integer, node_number, seconds, tag_number
from .engine import Engine, Sending
from .errors import DoesNotFit, InternalError, SendTimeout, Truncated
from .frames import Message
from .mailbox import ANY, Receive
from .out import check, fill
from .parts import name_in
from .raw import RawMessage, take_raw
from .request_kinds import SendRequest
from .requests import Request
from .status import MatchedMessage, Status
from .targets import target_of

WORLD = 0


class LongPath:
    """Everything behind the calls.

    Args:
        engine: of this process.
        number: tells the message spaces of communicators apart.
        members: the world's ids of its nodes, in order; all nodes by default.
        timeout: the run's default for every wait for a message, in seconds.
    """

    __slots__ = (
        "__weakref__",
        "_engine",
        "_gate",
        "_ids",
        "_members",
        "_number",
        "_timeout",
        "n_node",
        "node_id",
    )

    def __init__(
        self,
        engine: Engine,
        number: int = WORLD,
        members: tuple[int, ...] | None = None,
        timeout: float | None = None,
    ) -> None:
        nodes = range(engine.n_node) if members is None else members
        self.n_node = len(nodes)
        self.node_id = nodes.index(engine.node_id)
        self._engine = engine
        self._gate = engine.gate
        self._number = number
        self._members = nodes
        self._ids = {member: node for node, member in enumerate(nodes)}
        self._timeout = timeout
        self._prepare()

    def _prepare(self) -> None:
        """What the short ways add before the first call."""

    def _name(self, node: int) -> str:
        """What a node of this communicator is called in an error."""
        return name_in(node, self._members)

    def _send_long(self, dest: int, tag: int, encoded: codec.Encoded) -> None:
        self._finish(self._post(dest, tag, encoded))

    def _recv_long(
        self, source: int, tag: int, timeout: float | None, out: Any, status: Status | None
    ) -> Any:
        wanted = self._wanted_for(source, tag, out, status)
        try:
            self._engine.receive(wanted, self._time(timeout))
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"in {self._engine.awaited(wanted)}")
            raise
        return self._take(wanted, out, status)

    def _wanted_for(self, source: int, tag: int, out: Any, status: Status | None) -> Receive:
        wanted = self._wanted(source, tag)
        if out is not None:
            check(out)
            wanted.target = target_of(out)
        if status is not None and not isinstance(status, Status):
            raise DoesNotFit(f"status={status!r} can't be filled in: it takes a dc.Status()")
        return wanted

    def _post(
        self, dest: int, tag: int, encoded: codec.Encoded, synchronous: bool | None = None
    ) -> Sending:
        kind, meta, buffers = encoded
        message = Message(self._engine.node_id, tag_number(tag), self._number, kind, meta, buffers)
        return self._engine.send(
            self._members[node_number(dest, self.n_node)], message, synchronous
        )

    def _finish(self, sending: Sending, timeout: float | None = None) -> None:
        """Waits for the end of a send; after it, however it ends, the object may be changed."""
        try:
            deadline = None if timeout is None else monotonic() + timeout
            if not self._engine.finish(sending, deadline):
                name = self._engine.name_of(sending.dest, sending.space)
                raise SendTimeout(sending.dest, timeout or 0.0, name)
            if self._gate.interrupted:
                self._engine.check_interrupt()
        except BaseException:
            self._engine.let_go(sending)
            raise

    def _send_request(self, sending: Sending, tag: int) -> Request:
        if self._gate.interrupted:
            self._engine.let_go(sending)
            self._engine.check_interrupt()
        self._engine.flush_later()
        return SendRequest(self._engine, sending, tag)

    def _take(self, wanted: Receive, out: Any, status: Status | None) -> Any:
        """What the caller gets for the message matched with `wanted`, which is unread if none."""
        try:
            value = self._open(wanted, out)
        except (DoesNotFit, KeyboardInterrupt):
            self._engine.withdraw(wanted)
            raise
        if status is not None:
            there = self._status_of(wanted)
            status.source, status.tag = there.source, there.tag
            status.payload_bytes = there.payload_bytes
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        return value

    def _open(self, wanted: Receive, out: Any) -> Any:
        message = matched_message(wanted)
        if out is not None and wanted.is_straight:
            return out
        value = codec.decode(message.codec, message.meta, message.buffers)
        return value if out is None else fill(out, value)

    def _matched(self, wanted: Receive) -> MatchedMessage:
        status = self._status_of(wanted)
        if self._gate.interrupted:
            self._engine.withdraw_interrupted(wanted)
        return MatchedMessage(self._engine, status, wanted, self._open, self._open_raw)

    def _open_raw(self, wanted: Receive, into: memoryview | None) -> RawMessage:
        """The bytes of the message matched with `wanted`; see `raw`."""
        message = matched_message(wanted)
        if wanted.is_straight:
            return RawMessage(self._ids[message.source], message.tag, message.payload_bytes, None)
        return self._take_raw(message, into)

    def _take_raw(self, message: Message, into: memoryview | None) -> RawMessage:
        source = self._ids[message.source]
        try:
            return take_raw(message, source, into)
        except Truncated as error:
            name = self._name(source)
            raise Truncated(source, error.tag, error.nbytes, error.room, name) from None

    def _status_of(self, wanted: Receive) -> Status:
        return self._status(matched_message(wanted))

    def _status(self, message: Message) -> Status:
        return Status(self._ids[message.source], message.tag, message.payload_bytes)

    def _wanted(self, source: int, tag: int) -> Receive:
        is_any = integer(source) == ANY
        whom = ANY if is_any else self._members[node_number(source, self.n_node)]
        return Receive(self._number, whom, ANY if integer(tag) == ANY else tag_number(tag))

    def _time(self, timeout: float | None) -> float | None:
        """A timeout in seconds as given, or else the run's default."""
        return self._timeout if timeout is None else seconds(timeout)


def matched_message(wanted: Receive) -> Message:
    """The message of a receive that is over."""
    if wanted.message is None:
        raise InternalError("a receive is over that was never matched")
    return wanted.message
