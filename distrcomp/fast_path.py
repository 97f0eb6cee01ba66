"""The short way for small messages inside a machine: `send` and `recv` in as few steps as can be.

Theory. Nearly all messages are small, and nearly all that a small one costs is what happens around
it. So here one call does everything itself: no event objects, no chain of attributes, one lock
taken once. What it can't do at once it hands to `_send_slow` and `_recv_slow`, which can do
everything; it does so before it has changed anything. The records are those of links.ring and
links.shm.

`send` takes this way when the other node shares our memory, nothing queued is to be overtaken and
the ring has room. `recv` takes it when it names such a node, nothing from it lies in the mailbox,
nobody has posted a receive, and the next record in its ring is one that this call takes. Everything
that must be seen by every call (the end of the world, a run that has failed) empties `_writers` and
`_readers`, so that calls go the long way and meet it there.

The lock makes calls of several threads safe. Letting it go is also the fence between writing the
header and looking at the receiver's bell (see links.bells): it is a locked instruction on x86-64,
and elsewhere `fence` is called. No signal can leave half a record: a handler runs at a call or a
jump backwards, and between the two stores that publish a record there is neither.

What each step costs is measured by `benchmarks/versus_mpi4py.py`; see docs/performance.md.
"""

from __future__ import annotations

import pickle
from operator import index
from os import sched_yield
from typing import Any

from . import limits
from .arrays import describe, is_array_type, rebuild
from .codec import ARRAY, BYTES, INT, PICKLE, TEXT, undecodable
from .engine import Engine
from .errors import BadTag
from .frames import Message
from .links import ShmLink
from .links.ring import (
    CODEC_MASK,
    CODEC_SHIFT,
    COMMUNICATOR_SHIFT,
    LENGTH_MAX,
    PUT_BYTES,
    STORES_ARE_ORDERED,
    TAG_MASK,
    TAG_SHIFT,
    TAKE_BYTES,
    RingReader,
    RingWriter,
    fence,
)
from .links.shm import ARRAY_LENGTHS
from .mailbox import ANY

_dumps = pickle.dumps
_loads = pickle.loads

_ENVELOPE = ~((1 << TAG_SHIFT) - 1)
_CODEC = 31 << CODEC_SHIFT
_INT, _TEXT, _BYTES = INT << CODEC_SHIFT, TEXT << CODEC_SHIFT, BYTES << CODEC_SHIFT
_PICKLE, _ARRAY = PICKLE << CODEC_SHIFT, ARRAY << CODEC_SHIFT
_INT_RECORD = _INT | 8
_SPINS = 200
_YIELDS = 100
_TAGS_KEPT_MAX = 4096
_INLINE_BYTES_MAX = LENGTH_MAX * 8
# They have a codec of their own. Numpy's array joins them with the first one that is sent.
_OTHERS: set[type] = {bytearray, memoryview}
_ARRAY_TYPES: set[type] = set()
_ARRAY_HEADS: dict[bytes, bytes] = {}


class _Envelopes(dict[Any, int]):
    """By tag: the header of a message of one communicator, without codec and length."""

    def __init__(self, communicator: int) -> None:
        self._communicator = communicator << COMMUNICATOR_SHIFT

    def __missing__(self, tag: Any) -> int:
        envelope = self._communicator | tag_number(tag) << TAG_SHIFT
        if len(self) < _TAGS_KEPT_MAX:
            self[tag] = envelope
        return envelope


def tag_number(tag: Any) -> int:
    """`tag` as an integer.

    Raises:
        BadTag: it is not an integer from 0 to 2**31-1.
    """
    try:
        number = index(tag)
    except TypeError:
        number = -1
    if not 0 <= number <= limits.TAG_MAX:
        raise BadTag(f"{tag!r} is no tag: tags are integers from 0 to {limits.TAG_MAX}")
    return number


class FastPath:
    """The two calls, for the communicator that is made of them.

    Args:
        engine: of this node.
        number: of the communicator.
        members: the world's ids of its nodes, by their ids here.
    """

    __slots__ = (
        "__weakref__",
        "_asleep",
        "_bells",
        "_engine",
        "_envelopes",
        "_lock",
        "_number",
        "_readers",
        "_receives",
        "_spins",
        "_unread",
        "_writers",
        "_yields",
    )

    def __init__(self, engine: Engine, number: int, members: range | tuple[int, ...]) -> None:
        self._engine = engine
        self._number = number
        self._lock = engine.lock
        self._envelopes = _Envelopes(number)
        self._receives = engine.mailbox.receives
        self._unread = engine.mailbox.unread
        self._spins = range(_SPINS if engine.spins else 0)
        self._yields = range(_YIELDS)
        self._writers: dict[int, RingWriter] = {}
        self._readers: dict[int, RingReader] = {}
        for node, member in enumerate(members):
            link = engine.local_link(member)
            if isinstance(link, ShmLink):
                self._writers[node] = link.writer
                self._readers[node] = link.reader

        bells = engine.bells
        self._bells: Any = bells  # never None where there are writers
        self._asleep: Any = None if bells is None else bells.asleep
        engine.add_shortcut(self)

    def forget(self) -> None:
        """Has every call go the long way from now on."""
        self._writers.clear()
        self._readers.clear()

    def send(self, dest: int, obj: Any, tag: int = 0) -> None:
        """See Communicator.send."""
        kind = type(obj)
        try:
            writer = self._writers[dest]
            envelope = self._envelopes[tag]
        except (KeyError, TypeError):
            return self._send_slow(dest, obj, tag)
        if kind is int:
            try:
                with self._lock:
                    position = writer.position
                    beyond = position + 2
                    is_put = beyond < writer.end
                    if is_put:
                        words = writer.words
                        writer.integers[position + 1] = obj
                        words[beyond] = 0
                        if not STORES_ARE_ORDERED:
                            fence()
                        writer.position = beyond
                        words[position] = envelope | _INT_RECORD
            except ValueError:  # it needs more than 64 bits
                is_put = False
            if not is_put:
                return self._send_slow(dest, obj, tag)
        else:
            if kind is str and len(obj) <= LENGTH_MAX and obj.isascii():
                data = obj.encode()
                length = len(data)
                header = envelope | _TEXT | length
            elif kind is bytes and len(obj) <= LENGTH_MAX:
                data = obj
                length = len(data)
                header = envelope | _BYTES | length
            elif kind in _OTHERS:
                if kind in _ARRAY_TYPES:
                    return self._send_array(dest, obj, tag)
                return self._send_slow(dest, obj, tag)
            else:
                beside: list[pickle.PickleBuffer] = []
                try:
                    data = _dumps(obj, protocol=5, buffer_callback=beside.append)
                except Exception:  # noqa: BLE001  whatever it was, cloudpickle may do better
                    return self._send_slow(dest, obj, tag)
                length = len(data)
                if beside and is_array_type(kind):
                    _OTHERS.add(kind)
                    _ARRAY_TYPES.add(kind)
                if beside or length > _INLINE_BYTES_MAX:
                    return self._send_pickled(dest, tag, obj, data, beside)
                header = envelope | _PICKLE | (length + 7 >> 3)
            with self._lock:
                position = writer.position
                beyond = position + (length + 15 >> 3)
                is_put = beyond < writer.end
                if is_put:
                    PUT_BYTES[length](writer.memory, position + 1 << 3, data, 0)
                    if not STORES_ARE_ORDERED:
                        fence()
                    writer.position = beyond
                    writer.words[position] = header
            if not is_put:
                if header & _CODEC == _PICKLE:
                    return self._send_pickled(dest, tag, obj, data, [])
                return self._send_slow(dest, obj, tag)
        if not STORES_ARE_ORDERED:
            fence()
        if self._asleep[writer.bell]:
            self._bells.wake(writer.reader)
        if self._engine.interrupted:
            self._engine.check_interrupt()
        return None

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
            return self._recv_slow(source, tag, timeout, out, status)
        try:
            reader = self._readers[source]
            envelope = self._envelopes[tag] if tag != ANY else ANY
        except (KeyError, TypeError):
            return self._recv_slow(source, tag, timeout, out, status)
        with self._lock:
            header = codec = 0
            if not self._receives and reader.node not in self._unread:
                words = reader.words
                position = reader.position
                header = words[position]
                if not header:
                    for _ in self._spins:
                        header = words[position]
                        if header:
                            break
                    else:
                        for _ in self._yields:
                            sched_yield()
                            header = words[position]
                            if header:
                                break
                if not STORES_ARE_ORDERED:
                    fence()
                if (
                    header & _ENVELOPE == envelope
                    if envelope != ANY
                    else header >> COMMUNICATOR_SHIFT == self._number
                ):
                    codec = header & _CODEC
            if codec == _INT:
                value = reader.integers[position + 1]
                reader.position = position + 2
            elif codec == _PICKLE or codec == _ARRAY:  # noqa: SIM109  a tuple costs more
                length = header & LENGTH_MAX
                (data,) = TAKE_BYTES[length << 3](reader.memory, position + 1 << 3)
                reader.position = position + 1 + length
            elif codec == _TEXT or codec == _BYTES:  # noqa: SIM109
                length = header & LENGTH_MAX
                (data,) = TAKE_BYTES[length](reader.memory, position + 1 << 3)
                reader.position = position + (length + 15 >> 3)
            if reader.position > reader.publish_at:
                self._publish(reader)
        if codec == _INT:
            if self._engine.interrupted:
                self._give_back(reader.node, header, value.to_bytes(8, "little", signed=True))
            return value
        if codec == _PICKLE:
            try:
                value = _loads(data)
            except Exception as error:
                raise undecodable(error) from error
        elif codec == _TEXT:
            value = data.decode()
        elif codec == _BYTES:
            value = data
        elif codec == _ARRAY:
            value = _rebuild(data)
        else:
            return self._recv_slow(source, tag, timeout, out, status)
        if self._engine.interrupted:
            self._give_back(reader.node, header, data)
        return value

    def _send_array(self, dest: int, array: Any, tag: int) -> None:
        """Sends a plain array; a small one goes into the ring in one piece."""
        writer = self._writers[dest]
        meta = describe(array)
        if meta is None:
            return self._send_slow(dest, array, tag)
        head = _ARRAY_HEADS.get(meta) or _array_head(meta, array.nbytes)
        length = len(head) + array.nbytes
        if length > _INLINE_BYTES_MAX or length > writer.record_words_max << 2:
            return self._send_slow(dest, array, tag)
        data = head + array.tobytes("A")
        with self._lock:
            position = writer.position
            beyond = position + (length + 15 >> 3)
            is_put = beyond < writer.end
            if is_put:
                PUT_BYTES[length](writer.memory, position + 1 << 3, data, 0)
                if not STORES_ARE_ORDERED:
                    fence()
                writer.position = beyond
                writer.words[position] = self._envelopes[tag] | _ARRAY | (length + 7 >> 3)
        if not is_put:
            return self._send_slow(dest, array, tag)
        if not STORES_ARE_ORDERED:
            fence()
        if self._asleep[writer.bell]:
            self._bells.wake(writer.reader)
        if self._engine.interrupted:
            self._engine.check_interrupt()
        return None

    def _publish(self, reader: RingReader) -> None:
        """Gives what was read back to the writer, and wakes it if it sleeps on that."""
        reader.publish()
        fence()
        self._bells.wake(reader.writer)

    def _give_back(self, node: int, header: int, data: bytes) -> None:
        """Raises the KeyboardInterrupt that came meanwhile; the message is unread again."""
        tag = header >> TAG_SHIFT & TAG_MASK
        codec = header >> CODEC_SHIFT & CODEC_MASK
        meta, buffers = _split_array(data) if codec == ARRAY else (data, [])
        self._engine.give_back(Message(node, tag, self._number, codec, meta, buffers))

    def _send_slow(self, dest: int, obj: Any, tag: int) -> None:
        raise NotImplementedError

    def _send_pickled(
        self, dest: int, tag: int, obj: Any, data: bytes, beside: list[pickle.PickleBuffer]
    ) -> None:
        raise NotImplementedError

    def _recv_slow(
        self, source: int, tag: int, timeout: float | None, out: Any, status: Any
    ) -> Any:
        raise NotImplementedError


def _array_head(meta: bytes, nbytes: int) -> bytes:
    """What stands before an array's memory in its record."""
    head = ARRAY_LENGTHS.pack(len(meta), nbytes) + meta + bytes(-len(meta) % 8)
    if len(_ARRAY_HEADS) < _TAGS_KEPT_MAX:
        _ARRAY_HEADS[meta] = head
    return head


def _split_array(data: bytes) -> tuple[bytes, list[bytearray]]:
    """Meta and memory of an array from its record."""
    meta_bytes, nbytes = ARRAY_LENGTHS.unpack_from(data)
    begin = 8 + (meta_bytes + 7 & ~7)
    return data[8 : 8 + meta_bytes], [bytearray(memoryview(data)[begin : begin + nbytes])]


def _rebuild(data: bytes) -> Any:
    meta, (memory,) = _split_array(data)
    return rebuild(meta, memory)
