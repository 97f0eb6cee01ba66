"""The short way for small messages inside a machine: `send` and `recv` in as few steps as can be.

Theory. Nearly all messages are small, and nearly all that a small one costs is what happens around
it. So here one call does everything itself: no event objects, no chain of attributes, no lock. What
it can't do at once it hands to `link_path`, and that to `_send_long` and `_recv_long`, which can do
everything; before that nothing has changed. The records are those of links.ring and links.shm.

`send` takes this way when the other node shares our memory, nothing queued is to be overtaken and
the ring has room. `recv` takes it when it names such a node, nothing from it lies in the mailbox,
nobody has posted a receive, and the next record in its ring is one that this call takes. Everything
that must be seen by every call (the end of the world, a run that has failed) empties `_writers` and
`_readers`, so that calls go the long way and meet it there.

The gate keeps threads apart (see gate). There is no fence between the header and the look at the
receiver's bell; the receiver makes up for it by a second look (see links.bells). No signal can
leave half a record: a handler runs at a call or a jump backwards, and between the two stores that
publish a record there is neither.

What each step costs is measured by `benchmarks/versus_mpi4py.py`; see docs/performance.md.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from os import sched_yield
from time import perf_counter
from typing import Any

from . import plain as cython
from .arguments import tag_number
from .array_path import ARRAY_TYPES, OTHERS, ArrayPath
from .arrays import rebuild as rebuild_array
from .codec import (
    ARRAY,
    BYTEARRAY,
    BYTES,
    INT,
    PICKLE,
    PLAIN_PICKLE_ERRORS,
    RAW,
    TEXT,
    decode,
    encode,
    undecodable,
    unpicklable,
)
from .errors import ProtocolError
from .frames import Message
from .gate import Gate
from .links import ShmLink
from .links.array_record import (
    split_array,
    take_array,
)
from .links.ring import (
    CODEC_MASK,
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    LENGTH_MAX,
    PUT_BYTES,
    PUT_INTEGER,
    STORES_ARE_ORDERED,
    TAG_MASK,
    TAG_SHIFT,
    TAKE_BYTES,
    RingReader,
    RingWriter,
    fence,
)
from .mailbox import ANY, Receive

if cython.compiled:
    import cython  # type: ignore[no-redef]

IS_COMPILED: bool = cython.compiled

_dumps = pickle.dumps
_refuse: Any = len  # what a buffer inside an object is given to: it raises, at the least cost

_ENVELOPE = 2**64 - 2**TAG_SHIFT
_ANY_TAG = 1  # no envelope
_CODEC = CODEC_MASK << CODEC_SHIFT
_INT, _TEXT, _BYTES = INT << CODEC_SHIFT, TEXT << CODEC_SHIFT, BYTES << CODEC_SHIFT
_BYTEARRAY = BYTEARRAY << CODEC_SHIFT
_PICKLE, _ARRAY = PICKLE << CODEC_SHIFT, ARRAY << CODEC_SHIFT
_INT_RECORD = _INT | 8
_LENGTH_MAX, _COMMUNICATOR_SHIFT = LENGTH_MAX, COMMUNICATOR_SHIFT
# How long `recv` looks, at most: so often as fast as it can, and then giving its core away between
# the looks. Where nodes share a core that is cheaper than to be woken up, unless others compute.
_SPINS, _YIELDS, _YIELD_S = 200, 1000, 400e-6
_YIELDS_CROWDED, _YIELD_CROWDED_S = 400, 5e-3
_PATIENCE = {
    True: (range(_SPINS), range(_YIELDS), _YIELD_S),
    False: (range(0), range(_YIELDS_CROWDED), _YIELD_CROWDED_S),
}
_KEPT_MAX = 4096
_DECODERS: dict[int, Callable[[Any], Any]] = {
    _TEXT: bytes.decode,
    _BYTES: bytes,
    _BYTEARRAY: bytearray,
    _PICKLE: pickle.loads,
    RAW << CODEC_SHIFT: pickle.loads,
    _ARRAY: lambda taken: rebuild_array(*taken),
}
_INLINE_BYTES_MAX = LENGTH_MAX * 8


def patience(spins: bool) -> tuple[range, range, float]:
    """How a node looks before it sleeps: as fast as it can, and giving its core away, how long.

    Args:
        spins: whether there is a core for every node of this machine.
    """
    return _PATIENCE[spins]


class _Envelopes(dict[Any, int]):
    """By tag: the header of a message of one communicator, without codec and length."""

    def __init__(self, communicator: int) -> None:
        self._communicator = communicator << COMMUNICATOR_SHIFT

    def __missing__(self, tag: Any) -> int:
        envelope = self._communicator | tag_number(tag) << TAG_SHIFT
        if len(self) < _KEPT_MAX:
            self[tag] = envelope
        return envelope


class FastPath(ArrayPath):
    """The two calls; see LongPath."""

    __slots__ = (
        "_are_near",
        "_envelopes",
        "_greetings",
        "_readers",
        "_receives",
        "_spins",
        "_turn",
        "_unread",
        "_writers",
        "_yield_s",
        "_yields",
    )

    def _prepare(self) -> None:
        super()._prepare()
        engine = self._engine
        self._envelopes = _Envelopes(self._number)
        self._receives = engine.mailbox.receives
        self._unread = engine.mailbox.unread
        self._spins, self._yields, self._yield_s = patience(engine.spins)
        self._turn = 0
        self._writers: dict[int, RingWriter] = {}
        self._readers: dict[int, RingReader] = {}
        self._are_near = engine.are_near(self._members)
        self._greetings: Any = engine.greetings  # never None where they are
        engine.add_shortcut(self)

    def know(self, member: int, link: Any) -> None:
        """See LinkPath."""
        super().know(member, link)
        node = self._ids.get(member)
        if node in self._links and isinstance(link, ShmLink):
            self._writers[node] = link.writer
            self._readers[node] = link.reader

    def forget(self) -> None:
        """Has every call go the long way from now on."""
        super().forget()
        self._writers.clear()
        self._readers.clear()

    @cython.locals(writer=RingWriter, gate=Gate, envelope=cython.ulonglong, header=cython.ulonglong)
    @cython.locals(length=cython.Py_ssize_t, position=cython.Py_ssize_t, beyond=cython.Py_ssize_t)
    def send(self, dest: int, obj: Any, tag: int = 0) -> None:
        """See Communicator.send."""
        kind = type(obj)
        writer: RingWriter | None = None  # what the long way raises has nothing to do with this try
        try:
            envelope = self._envelopes[tag]
            writer = self._writers[dest]
        except (KeyError, TypeError):
            pass
        if writer is None:
            return self._send_encoded(dest, tag, encode(obj))
        put = None
        if kind is int:
            put, data, length, header = PUT_INTEGER, obj, 8, envelope | _INT_RECORD
        elif kind is str and len(obj) <= _LENGTH_MAX and obj.isascii():
            data = obj.encode()
            length = len(data)
            header = envelope | _TEXT | length
        elif kind is bytes and len(obj) <= _LENGTH_MAX:
            data = obj
            length = len(data)
            header = envelope | _BYTES | length
        elif kind in OTHERS or (kind is bytes and len(obj) > _INLINE_BYTES_MAX):
            if kind in ARRAY_TYPES:
                return self._send_array(writer, envelope, obj, dest, tag)
            return self._send_encoded(dest, tag, encode(obj))
        else:
            try:
                data = _dumps(obj, 5, buffer_callback=_refuse)
            except PLAIN_PICKLE_ERRORS:
                data = b""
            except Exception as error:
                raise unpicklable(obj, error) from error
            if not data:  # cloudpickle may do better
                return self._send_other(dest, obj, tag)
            length = len(data)
            header = envelope | _PICKLE | (length + 7 >> 3)
        gate = self._gate
        is_put = not gate.taken and length <= _INLINE_BYTES_MAX
        if is_put:
            gate.taken = True
            try:
                position = writer.position
                beyond = position + (length + 15 >> 3)
                is_put = beyond < writer.end
                if is_put and IS_COMPILED:
                    if put:
                        writer.put_integer(header, obj, beyond)
                    else:
                        writer.put_bytes(header, data, beyond)
                elif is_put:
                    (put or PUT_BYTES[length])(writer.memory, position + 1 << 3, data, 0)
                    if not STORES_ARE_ORDERED:
                        fence()
                    writer.position = beyond
                    writer.words[position] = header
            except (struct.error, OverflowError):  # an integer of more than 64 bits
                is_put = False
            finally:
                gate.taken = False
        if not is_put:
            is_pickle = header & _CODEC == _PICKLE
            return self._send_encoded(dest, tag, (PICKLE, data, []) if is_pickle else encode(obj))
        if self._asleep[writer.bell]:
            self._bells.wake(writer.reader)
        if gate.hears_interrupt() if IS_COMPILED else gate.interrupted:
            self._engine.check_interrupt()
        return None

    @cython.locals(reader=RingReader, gate=Gate, header=cython.ulonglong, codec=cython.ulonglong)
    @cython.locals(envelope=cython.ulonglong, length=cython.Py_ssize_t, position=cython.Py_ssize_t)
    def recv(
        self,
        source: int = ANY,
        tag: int = ANY,
        *,
        timeout: float | None = None,
        out: Any = None,
        status: Any = None,
    ) -> Any:
        """See Communicator.recv."""
        if out is not None or status is not None:
            return self._recv_told(source, tag, timeout, out, status)
        reader: RingReader | None = None
        try:
            envelope = self._envelopes[tag] if tag != ANY else _ANY_TAG
            reader = self._readers[source]
            if not (reader.look() if IS_COMPILED else reader.words[reader.position]):
                self._look(reader, timeout)
        except KeyError:
            reader = self._find_any(source, timeout)
        except (TypeError, IndexError):  # the long way says what is wrong
            pass
        gate, codec = self._gate, 0
        if reader is None or gate.taken:
            return self._recv_other(source, tag, timeout)
        gate.taken = True
        try:
            if not self._receives and reader.node not in self._unread:
                position = reader.position
                header = reader.look() if IS_COMPILED else reader.words[position]
                if not STORES_ARE_ORDERED:
                    fence()
                if (
                    header >> _COMMUNICATOR_SHIFT == self._number
                    if envelope == _ANY_TAG
                    else header & _ENVELOPE == envelope
                ):
                    codec = header & _CODEC
                if codec == _INT:
                    data: Any = reader.integers[position + 1]
                    reader.position = position + 2
                elif IS_COMPILED and codec and codec != _ARRAY:
                    data = reader.take_bytes((header & _LENGTH_MAX) << (codec == _PICKLE) * 3)
                elif codec == _PICKLE:
                    length = header & _LENGTH_MAX
                    (data,) = TAKE_BYTES[length << 3](reader.memory, position + 1 << 3)
                    reader.position = position + 1 + length
                elif codec == _ARRAY:
                    data = take_array(reader)
                elif codec:
                    length = header & _LENGTH_MAX
                    (data,) = TAKE_BYTES[length](reader.memory, position + 1 << 3)
                    reader.position = position + (length + 15 >> 3)
                if reader.position > reader.publish_at:
                    self._publish(reader)
        except (struct.error, IndexError, ProtocolError):  # no record: the long way says so
            codec = 0
        finally:
            gate.taken = False
        if not codec:
            return self._recv_other(source, tag, timeout)
        try:
            value = data if codec == _INT else _DECODERS[codec](data)
        except Exception as error:
            raise undecodable(error) from error
        if gate.hears_interrupt() if IS_COMPILED else gate.interrupted:
            self._give_back(reader.node, header, data)
        return value

    @cython.locals(reader=RingReader, gate=Gate)
    def _look(self, reader: RingReader, timeout: float | None) -> None:
        """Looks for a record for a while; nobody is inside meanwhile.

        First as fast as it can, if there is a core for every node of this machine; then giving the
        core to others between the looks, for one of them may be the sender.
        """
        words, gate = reader.words, self._gate
        if timeout is not None or reader.node in self._unread:
            return
        for _ in self._spins:
            if words[reader.position]:
                return
        until = perf_counter() + self._yield_s
        for _ in self._yields:
            sched_yield()
            if words[reader.position] or gate.interrupted or perf_counter() >= until:
                return

    def _take_soon(self, source: int, wanted: Receive, timeout: float | None) -> bool:
        """See LinkPath."""
        reader = self._readers.get(source)
        if reader is not None and not reader.has_record():
            self._look(reader, timeout)
        return super()._take_soon(source, wanted, timeout)

    def _find_any(self, source: int, timeout: float | None) -> RingReader | None:
        """Where the next message from ANY stands, if all share our memory and it comes soon."""
        if source != ANY or not self._are_near or self._unread or self._receives:
            return None
        readers = self._readers_in_turn()
        if not readers:
            return None
        greetings = self._greetings
        until = 0.0 if timeout is not None else perf_counter() + self._yield_s
        for _ in self._yields:
            for reader in readers:
                if reader.has_record():
                    return reader
            if greetings.n_silent and greetings.has_news:
                readers = self._readers_in_turn()
            if self._gate.interrupted or perf_counter() >= until:
                break
            sched_yield()
        return None

    def _readers_in_turn(self) -> list[RingReader]:
        """All that there are by now, each time another one first: none is kept from being heard."""
        greetings = self._greetings
        if greetings.n_silent and greetings.has_news:
            self._engine.hear_news()
        readers = list(self._readers.values())
        self._turn = turn = (self._turn + 1) % (len(readers) or 1)
        return readers[turn:] + readers[:turn]

    def _publish(self, reader: RingReader) -> None:
        """Gives what was read back to the writer, and wakes it if it sleeps on that."""
        reader.publish()
        self._bells.wake(reader.writer)

    def _give_back(self, node: int, header: int, data: Any) -> None:
        """Handles the signals that came; the message is unread again if a handler ends the call."""
        tag = header >> TAG_SHIFT & TAG_MASK
        codec = header >> CODEC_SHIFT & CODEC_MASK
        if codec == INT:
            data = data.to_bytes(8, "little", signed=True)
        meta, buffers = split_array(*data) if codec == ARRAY else (data, [])
        self._engine.give_back(Message(node, tag, self._number, codec, meta, buffers))

    def _recv_other(self, source: int, tag: int, timeout: float | None) -> Any:
        """Receives what is no single record of the ring, or comes from another machine."""
        if source == ANY and (reader := self._find_any(source, 0.0)) is not None:
            message = self._recv_link(self._ids[reader.node], tag, timeout)
        else:
            message = self._recv_link(source, tag, timeout)
        if message is None:
            return self._recv_long(source, tag, timeout, None, None)
        value = decode(message.codec, message.meta, message.buffers)
        if self._gate.interrupted:
            self._engine.give_back(message)
        return value
