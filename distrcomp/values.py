"""Values between a notebook and its nodes, as bytes.

Plain data (`pack_plain`) is numbers, text, bytes, None, lists, tuples, sets, dictionaries and numpy
arrays of them: reading it runs no code, whoever has sent it. All else takes pickle, which is only
read where both ends are one user's processes on one machine, or by a node from its launcher.
"""

from __future__ import annotations

from typing import Any

import msgpack

from .errors import ProtocolError, Unpicklable

_TUPLE, _SET, _FROZENSET, _COMPLEX, _ARRAY, _LARGE = range(1, 7)


def pickled(value: object) -> bytes:
    """A value with all that it is made of, functions and classes too."""
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def unpickled(data: bytes) -> Any:
    """The value; whoever has sent it decides what is run here."""
    import pickle

    return pickle.loads(data)  # noqa: S301  inside one run: see above


def pack_plain(value: object) -> bytes:
    """Plain data as bytes.

    Raises:
        Unpicklable: there is something else in it, which is named.

    Example:
        >>> unpack_plain(pack_plain({"a": (1, {2.5}), 3: [None, 1j]}))
        {'a': (1, {2.5}), 3: [None, 1j]}
    """
    try:
        data: bytes = msgpack.packb(value, default=_extension, strict_types=True)
    except (ValueError, OverflowError, RecursionError) as error:
        raise Unpicklable(f"it is no plain data: {error}") from error
    return data


def unpack_plain(data: bytes) -> Any:
    """The value in `data`; raises ProtocolError, and nothing else, for bytes that hold none."""
    try:
        return msgpack.unpackb(data, ext_hook=_value, strict_map_key=False)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ProtocolError(f"no plain data: {type(error).__name__}") from error


def _extension(value: Any) -> msgpack.ExtType:
    kinds: dict[type, int] = {tuple: _TUPLE, set: _SET, frozenset: _FROZENSET}
    if type(value) in kinds:
        return msgpack.ExtType(kinds[type(value)], pack_plain(list(value)))
    if type(value) is complex:
        return msgpack.ExtType(_COMPLEX, pack_plain([value.real, value.imag]))
    if type(value) is int:
        return msgpack.ExtType(_LARGE, str(value).encode())
    if hasattr(value, "__array_interface__"):
        import numpy

        array = numpy.asarray(value)
        if not array.dtype.hasobject and array.dtype.names is None:
            told = [array.dtype.str, list(array.shape), array.tobytes()]
            return msgpack.ExtType(_ARRAY, pack_plain(told))
    raise Unpicklable(
        f"it holds a {type(value).__qualname__}; from other machines a notebook takes numbers, "
        "text, bytes, lists, tuples, sets, dictionaries and arrays only"
    )


def _value(code: int, data: bytes) -> Any:
    if code == _LARGE:
        return int(data)
    parts = unpack_plain(data)
    match code, parts:
        case (code, list()) if code in (_TUPLE, _SET, _FROZENSET):
            return {_TUPLE: tuple, _SET: set, _FROZENSET: frozenset}[code](parts)
        case (code, [float() as real, float() as imaginary]) if code == _COMPLEX:
            return complex(real, imaginary)
        case (code, [str() as kind, list() as shape, bytes() as content]) if code == _ARRAY:
            import numpy

            dtype = numpy.dtype(kind)
            if dtype.hasobject:
                raise ValueError("an array of objects")
            return numpy.frombuffer(content, dtype).reshape(shape).copy()
    raise ValueError("unknown kind")
