"""Object ↔ codec number, meta bytes and buffers; no I/O.

The commonest objects have a codec of their own, and pickle never sees them: numpy arrays (see
arrays), integers of 64 bits, short ASCII text, bytes, bytearrays, memoryviews. Anything else is
pickle protocol 5 (PEP 574) with its large buffers beside the stream, so arrays inside objects are
not copied either. Plain pickle is tried first, cloudpickle when it fails (functions and classes
that exist in no module). Whatever arrives is built on memory of its own, so it is the receiver's
alone, and arrays are writable even where the sender's were not. Only nodes of one run decode each
other's messages.

The meta of a pickle may be followed by anything, such as padding: a pickle knows its own end.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from . import arrays, limits, views
from .errors import Undecodable, Unpicklable

# Four bits on the wire, of which 0 is taken (frames.ACKNOWLEDGEMENT).
PICKLE, ARRAY, INT, TEXT, BYTES, BYTEARRAY, VIEW, RAW = range(1, 9)

PLAIN_PICKLE_ERRORS = (pickle.PicklingError, TypeError, AttributeError)
"""What plain pickle raises for what cloudpickle may take. Another error is the object's own."""

_CONTAINERS = frozenset((dict, list, tuple, set))
_refuse: Any = len  # what a buffer inside an object is given to: it raises, at the least cost
_IMMUTABLE = frozenset((int, float, complex, bool, str, bytes, type(None)))

Encoded = tuple[int, bytes, list[memoryview]]

_INT = struct.Struct("<q")
# Pickle's opcode for a buffer that was read-only (PEP 574); a byte that may also mean other things.
_READONLY_BUFFER = b"\x98"


def encode(value: Any) -> Encoded:
    """`value` as (codec, meta, buffers); the buffers are views of the object's own memory.

    Raises:
        Unpicklable: names the type; nothing is left half done.
    """
    return _ENCODERS[type(value)](value)


def decode(codec: int, meta: bytes | bytearray, buffers: Sequence[Any]) -> Any:
    """The object that `encode` took.

    `buffers` must be the receiver's own writable memory, each a bytearray, a one-dimensional uint8
    array or a memoryview. What is built on one keeps alive the object that owns it.

    Raises:
        Undecodable: the object could not be rebuilt here; the message is consumed.
    """
    try:
        if codec == PICKLE:
            # The sender is a node of the same run, proven by its certificate.
            return _decode_object(meta, buffers) if buffers else pickle.loads(meta)  # noqa: S301
        if codec == ARRAY:
            return arrays.rebuild(bytes(meta), buffers[0])
        decoder = _DECODERS.get(codec)
        if decoder is not None:
            return decoder(meta, buffers)
    except Exception as error:
        raise undecodable(error) from error
    raise Undecodable(f"a message came in a form unknown here (codec {codec})")


def own_copy(value: Any) -> Any:
    """`value` as it would arrive: what a node gives to itself in a collective is not shared."""
    kind = type(value)
    if kind in _IMMUTABLE:
        return value
    if kind in _CONTAINERS:
        try:
            return pickle.loads(pickle.dumps(value, 5, buffer_callback=_refuse))  # noqa: S301
        except PLAIN_PICKLE_ERRORS:  # something in it is to travel beside it, or wants cloudpickle
            pass
    codec, meta, buffers = encode(value)
    return decode(codec, meta, [bytearray(buffer) for buffer in buffers])


def undecodable(error: Exception) -> Exception:
    """What to raise when `error` has kept an object from being rebuilt.

    A lack of memory is no fault of the object and passes as it is.
    """
    if isinstance(error, MemoryError):
        return error
    return Undecodable(
        f"a message came whole but its object cannot be rebuilt here: "
        f"{type(error).__name__}: {error}"
    )


# --- to bytes ----------------------------------------------------------------------------------


class _Beside(list[memoryview]):
    """The buffers that travel beside the stream; called by pickle with each that could."""

    __slots__ = ()

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        """Whether it stays in the stream: where it is small, and there would arrive writable."""
        raw = buffer.raw()
        if raw.nbytes <= limits.WITHIN_META_BYTES_MAX and not raw.readonly:
            return True
        self.append(raw)
        return False


def _encode_object(value: Any) -> Encoded:
    buffers = _Beside()
    try:
        meta = pickle.dumps(value, protocol=5, buffer_callback=buffers)
    except PLAIN_PICKLE_ERRORS:
        buffers.clear()
        meta = _cloudpickle(value, buffers)
    except Exception as error:
        raise unpicklable(value, error) from error
    if buffers and len(buffers) > limits.BUFFERS_MAX:
        return _encode_inside(value)
    return PICKLE, meta, buffers


def _encode_inside(value: Any) -> Encoded:
    """A million buffers travel better in the stream, where read-only ones are mere bytes.

    The mark behind the stream has the receiver look for these, as beside a read-only buffer.
    """
    try:
        meta = pickle.dumps(value, protocol=5)
    except PLAIN_PICKLE_ERRORS:
        meta = _cloudpickle(value, None)
    except Exception as error:
        raise unpicklable(value, error) from error
    return PICKLE, meta + _READONLY_BUFFER, [memoryview(b"")]


def _cloudpickle(value: Any, buffers: _Beside | None) -> bytes:
    import cloudpickle

    try:
        meta: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers)
    except Exception as error:
        raise unpicklable(value, error) from error
    return meta


def unpicklable(value: Any, error: Exception) -> Exception:
    """What to raise when `error` has kept `value` from being pickled; see `undecodable`."""
    if isinstance(error, MemoryError):
        return error
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return Unpicklable(f"an object of type {kind} cannot be sent: {type(error).__name__}: {error}")


def _encode_array(array: Any) -> Encoded:
    description = arrays.describe(array)
    if description is None:
        if array.flags.forc:
            return _encode_object(array)
        array = array.copy()  # in C order: the one copy that gaps cost
        description = arrays.describe(array)
        if description is None:
            return _encode_object(array)
    return ARRAY, description, [arrays.content(array)]


def _encode_int(value: int) -> Encoded:
    try:
        return INT, _INT.pack(value), []
    except struct.error:  # more than 64 bits
        return _encode_object(value)


def _encode_text(value: str) -> Encoded:
    if len(value) <= limits.WITHIN_META_BYTES_MAX and value.isascii():  # as fast_path does
        return TEXT, value.encode(), []
    return _encode_object(value)


def _encode_bytes(value: bytes) -> Encoded:
    if len(value) <= limits.WITHIN_META_BYTES_MAX:
        return BYTES, value, []
    return BYTES, b"", [memoryview(value)]


def _encode_bytearray(value: bytearray) -> Encoded:
    if len(value) <= limits.WITHIN_META_BYTES_MAX:
        return BYTEARRAY, bytes(value), []
    return BYTEARRAY, b"", [memoryview(value)]


def _encode_view(view: memoryview) -> Encoded:
    try:
        description, content = views.encode(view)
    except Exception as error:  # one that was released, or of elements that nobody can tell
        raise unpicklable(view, error) from error
    return VIEW, description, [content]


class _Encoders(dict[type, Callable[[Any], Encoded]]):
    def __missing__(self, kind: type) -> Callable[[Any], Encoded]:
        if not arrays.is_array_type(kind):
            return _encode_object  # not remembered: a class may be made anew each time
        self[kind] = _encode_array
        return _encode_array


_ENCODERS = _Encoders(
    {
        int: _encode_int,
        str: _encode_text,
        bytes: _encode_bytes,
        bytearray: _encode_bytearray,
        memoryview: _encode_view,
        **dict.fromkeys((dict, list, tuple, float, bool, type(None)), _encode_object),
    }
)

# --- and back ----------------------------------------------------------------------------------


def _decode_object(meta: bytes | bytearray, buffers: Sequence[Any]) -> Any:
    # Classes other than numpy's expect bytes-like objects; an ndarray compares by element.
    likes = [buffer if type(buffer) is bytearray else memoryview(buffer) for buffer in buffers]
    if _READONLY_BUFFER in meta:
        return _WritableUnpickler(BytesIO(meta), buffers=likes).load()
    return pickle.loads(meta, buffers=likes)  # noqa: S301  see decode


class _WritableUnpickler(pickle.Unpickler):  # what the sender had read-only is not so here
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if name == "_frombuffer" and module.partition(".")[0] == "numpy":
            return _on_own_memory(found)
        return found


def _on_own_memory(from_buffer: Callable[..., Any]) -> Callable[..., Any]:
    """numpy's maker of arrays, given writable memory in place of what is read-only."""

    def make(buffer: Any, *description: Any) -> Any:
        if isinstance(buffer, memoryview) and buffer.readonly:
            buffer = views.writable(buffer)
        elif isinstance(buffer, bytes):
            buffer = bytearray(buffer)
        return from_buffer(buffer, *description)

    return make


def _decode_bytes(meta: bytes | bytearray, buffers: Sequence[Any]) -> bytes:
    return bytes(memoryview(buffers[0]) if buffers else meta)


def _decode_bytearray(meta: bytes | bytearray, buffers: Sequence[Any]) -> bytearray:
    if not buffers:
        return bytearray(meta)
    buffer = buffers[0]
    return buffer if type(buffer) is bytearray else bytearray(memoryview(buffer))


def _decode_raw(meta: bytes | bytearray, buffers: Sequence[Any]) -> Any:
    """Raw bytes that are received as an object are its pickle; see `raw_calls`."""
    data = memoryview(buffers[0]) if buffers else meta
    return pickle.loads(data) if data else None  # noqa: S301  see decode


_DECODERS: dict[int, Callable[[Any, Sequence[Any]], Any]] = {
    RAW: _decode_raw,
    INT: lambda meta, _: _INT.unpack(meta)[0],
    TEXT: lambda meta, _: meta.decode(),
    BYTES: _decode_bytes,
    BYTEARRAY: _decode_bytearray,
    VIEW: lambda meta, buffers: views.decode(meta, buffers[0]),
}
