"""A link over a real MPI: the bytes that a stream would carry, cut into packets.

Theory. A packet is one MPI message of at most PACKET_BYTES. MPI lets no message between two
processes overtake another one of the same tag and communicator (MPI-4.1, 3.5), so the packets of a
link, put one after the other, are a stream, and the reader of streams puts messages together from
it. A large buffer begins a packet of its own: so its packets are received where they shall lie. A
packet of no bytes is the end of the stream: the other end is closed, and reads no more either.

All links of a process share its `Port` (mpi_port), which knows the communicator. It looks for
packets from anybody by one call (MPI_Improbe) and files what it finds with the links; so looking
costs the same with 1,000 nodes. Nothing here blocks: packets go by Isend and Issend, come by Irecv
of what was found, and are asked for by Test. There is no descriptor to sleep on: who waits looks
and pauses (see mpi_progress).

MPI takes as many small messages as are sent, whether their receiver reads or not, and keeps them in
his memory. So a packet is sent synchronously each time that MARK_BYTES have gone: that one is done
when it was matched, and until then at most WINDOW_BYTES follow. A receiver whose mailbox is full
looks for no packets of that node any more, and its sender stops in time.

What always holds: MPI reads from no memory of the program. A packet is a copy, or made of bytes
objects, which never change; so `own` and `close` need not ask MPI for anything back, which it could
not give. While one packet is copied the receiver takes the one before, so that costs a core and
not time. `queued_bytes` is what MPI was not given yet; `_flying` what it was given and is not done
with. The engine holds its lock around every call, so MPI must allow several threads, one at a time
(MPI_THREAD_SERIALIZED).

Refused: lending the program's memory to MPI: a send that was begun can't be taken back (MPI-4.1,
3.8.4 allows MPI_Cancel to fail, and Open MPI's always does), and a receiver that computes would
keep its sender in `send`. Receives posted in advance for small messages: they save 0.5 us, and then
a node that floods us can't be left unread.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from .. import limits
from ..frames import Message, MessageReader, goodbye, message_parts
from ..memory import lease
from .base import LinkEnded, Pending
from .byte_stream import ByteStream
from .mpi_port import PACKET_BYTES, Port

MARK_BYTES = PACKET_BYTES
WINDOW_BYTES = 4 * MARK_BYTES
# A view of this size or more is received straight into its place (see frames.MessageReader).
_APART_BYTES = 16 * limits.KIB


class MpiLink(ByteStream):
    """A Link to another process of an MPI job.

    Args:
        port: of this process.
        node: the node at the other end.
        rank: its rank in the port's communicator.
    """

    def __init__(self, port: Port, node: int, rank: int) -> None:
        super().__init__()
        self.node = node
        self.rank = rank
        self.is_closed = False
        self._port = port
        self._flying: deque[tuple[Any, Any, int]] = deque()  # request, packet, what it marks
        self._since_mark = 0
        self._unmatched_bytes = 0
        self._filed: deque[tuple[Any, int]] = deque()
        self._coming: Any = None  # the request of the packet that is being received
        self._coming_bytes = 0
        self._apart: memoryview | None = None  # where it goes if there is no other place
        self._reader: MessageReader | None = None  # its scratch costs each of 1,000 links
        self._heard_end = False
        port.add(self)

    @property
    def is_broken(self) -> bool:
        return self._heard_end or self.is_closed

    @property
    def connection(self) -> None:
        return None

    def fileno(self) -> None:
        return None

    # --- writing ------------------------------------------------------------------------------

    def post(self, message: Message) -> Pending | None:
        self.carried.add(message.communicator)
        return self._post(message_parts(message))

    def _post(self, parts: list[Any]) -> Pending | None:
        if self._heard_end or self.is_closed or self._said_goodbye:
            return None
        nbytes = sum(map(len, parts))
        if nbytes <= (PACKET_BYTES if len(parts) == 1 else _APART_BYTES):
            if not self._outgoing and self._unmatched_bytes < WINDOW_BYTES:
                packet = parts[0] if len(parts) == 1 else b"".join(parts)
                self._posted_bytes += nbytes
                self._send(packet, nbytes)
                return None
            if len(parts) > 1:
                parts = [b"".join(parts)]
        self._queue(parts)
        self.flush()
        if not self.queued_bytes:
            return None
        self._port.busy[self.node] = self
        return self._pend()

    def flush(self) -> bool:
        before = self.queued_bytes
        self.retire()
        while (
            self._outgoing
            and self._unmatched_bytes < WINDOW_BYTES
            and before - self.queued_bytes < limits.PIECE_BYTES_MAX
        ):
            self._send(*self._cut())
        self._let_out()
        return self.queued_bytes < before

    def hang_up(self) -> None:
        """A packet of no bytes tells it."""

    def finish(self) -> None:
        if not self._said_goodbye:
            self._since_mark = MARK_BYTES  # so `is_drained` knows that the other end has seen it
            self._post([goodbye()])
            self._said_goodbye = True

    def is_drained(self) -> bool:
        self.retire()
        return self.is_broken or not (self.queued_bytes or self._flying)

    def is_quiet(self) -> bool:
        """Whether MPI is done with all packets of this process; after `close` it may be asked."""
        return self._port.is_quiet()

    def close(self) -> None:
        if self.is_closed:
            return
        port = self._port
        if not (self._said_goodbye or self._heard_end or port.is_mute):
            self._send(b"", 0)
        self.is_closed = self.at_end = True
        self._drop()
        while self._filed and not port.is_mute:
            packet, nbytes = self._filed.popleft()
            port.discard(packet, nbytes)
        port.emptied(self)
        port.busy.pop(self.node, None)

    def retire(self) -> None:
        """Forgets the packets that MPI is done with."""
        flying = self._flying
        while flying and flying[0][0].Test():
            _, packet, marked = flying.popleft()
            self._unmatched_bytes -= marked
            self._port.give_back(packet)
        if not flying:
            self._port.flying.pop(self, None)

    def _send(self, packet: Any, nbytes: int) -> None:
        """Gives MPI one packet."""
        port = self._port
        self._since_mark += nbytes + limits.MESSAGE_OVERHEAD_BYTES
        marked, send = 0, port.isend
        if self._since_mark >= MARK_BYTES:
            marked, send = self._since_mark, port.issend
            self._since_mark = 0
            self._unmatched_bytes += marked
        request = send((packet, nbytes, port.byte), self.rank, port.says)
        if not self._flying and request.Test():
            self._unmatched_bytes -= marked
            port.give_back(packet)
            return
        self._flying.append((request, packet, marked))
        port.flying[self] = None
        if port.wake is not None:
            port.wake()

    def _cut(self) -> tuple[Any, int]:
        """The next packet of what is queued, and its length."""
        outgoing = self._outgoing
        first = outgoing.popleft()
        if first.nbytes < _APART_BYTES:
            small, nbytes = [first], first.nbytes
            while outgoing and outgoing[0].nbytes < _APART_BYTES and nbytes < _APART_BYTES:
                nbytes += outgoing[0].nbytes
                small.append(outgoing.popleft())
            packet: Any = b"".join(small)
        else:
            piece = first[:PACKET_BYTES]
            nbytes = piece.nbytes
            if first.nbytes > nbytes:
                outgoing.appendleft(first[nbytes:])
            packet = piece if isinstance(piece.obj, bytes) else self._port.copy(piece)
        self.queued_bytes -= nbytes
        return packet, nbytes

    # --- reading --------------------------------------------------------------------------------

    def file(self, packet: Any, nbytes: int) -> int:
        """Takes a packet that was found; how many wait here now."""
        self._filed.append((packet, nbytes))
        self._port.busy[self.node] = self
        return len(self._filed)

    def hear_end(self) -> None:
        """The other end is closed; what it sent before is filed."""
        self._heard_end = True
        self._drop()
        self._port.busy[self.node] = self

    def is_busy(self) -> bool:
        """Whether something can move here without a new packet."""
        return bool(self._has_come() or self.queued_bytes)

    def can_receive(self) -> bool:
        return self._has_come() or (self._port.look() and self._has_come())

    def _has_come(self) -> bool:
        return bool(self._filed) or self._coming is not None or self.at_end or self._heard_end

    def receive(self, most: int) -> list[Message]:
        messages: list[Message] = []
        count = 0
        while len(messages) < most and count < limits.PIECE_BYTES_MAX and not self.at_end:
            if self._coming is None and not self._begin():
                break
            if not self._coming.Test():
                break
            count += self._coming_bytes
            self._coming = None
            self._take_packet(messages)
        if self.at_end and not messages:
            raise LinkEnded(self._heard_goodbye, self._end())
        return messages

    def _begin(self) -> bool:
        """Begins to receive the next packet; whether there is one."""
        if not self._filed and not (self._port.look() and self._filed):
            if self._heard_end:
                self.at_end = True
            return False
        packet, nbytes = self._filed.popleft()
        self._port.emptied(self)
        if self._reader is None:
            self._reader = MessageReader(self.node, lease)
        target = self._reader.target()
        self._apart = None
        if nbytes > target.nbytes:
            self._apart = target = memoryview(bytearray(nbytes))
        self._coming_bytes = nbytes
        self._coming = packet.Irecv((target, nbytes, self._port.byte))
        return True

    def _take_packet(self, messages: list[Message]) -> None:
        """Takes the packet that has been received."""
        reader, nbytes, apart = self._reader, self._coming_bytes, self._apart
        if reader is None:
            return
        if apart is None:
            self._take(reader.advance(nbytes), messages)
            return
        self._apart = None
        while apart.nbytes:
            target = reader.target()
            count = min(apart.nbytes, target.nbytes)
            target[:count] = apart[:count]
            apart = apart[count:]
            self._take(reader.advance(count), messages)

    def _end(self) -> str:
        if self._heard_goodbye:
            return "it has finished"
        if self._reader is not None and not self._reader.between_messages:
            return "its connection ended inside a message"
        return "its connection closed"
