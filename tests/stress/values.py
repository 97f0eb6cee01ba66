"""Objects of every kind that a program may send, made from a description; and their fingerprints.

A fingerprint holds types, shapes and checksums: two objects with the same one are the same to a
receiver, and one with a changed byte has another.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from random import Random
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

POOL_BYTES = 2**23
_DTYPES = ("u1", "i4", "f8", "c16", "f2", ">i4", "?", "M8[s]", "S3", "i4,f8")


class Spec(NamedTuple):
    """What an object is like.

    Attributes:
        kind: one of KINDS.
        nbytes: about how large.
        at: any number; where its content lies in the pool, and the rest of its nature.
    """

    kind: str
    nbytes: int
    at: int


class Made(NamedTuple):
    """An object, and the writable memory that lies below it, as arrays of bytes."""

    value: Any
    memory: list[Any]


class Thing:
    """An object of a class of our own."""

    def __init__(self, name: str, content: Any) -> None:
        self.name = name
        self.content = content


class Maker:
    """Makes objects from one pool of random bytes, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._pool = np.frombuffer(Random(seed).randbytes(POOL_BYTES), np.uint8)

    def make(self, spec: Spec) -> Made:
        """The object; a new one each time."""
        memory: list[Any] = []
        return Made(_MAKERS[spec.kind](self, spec, memory), memory)

    def fingerprint(self, spec: Spec) -> Any:
        """What the object has as it arrives."""
        return fingerprint(self.make(spec).value)

    def content(self, spec: Spec, nbytes: int | None = None) -> Any:
        """Bytes of the pool, as an array that can't be written to."""
        count = spec.nbytes if nbytes is None else nbytes
        begin = spec.at % max(1, POOL_BYTES - count)
        return self._pool[begin : begin + count]

    def array(self, spec: Spec, memory: list[Any]) -> Any:
        """An array of any type, order and shape, with gaps or read-only now and then."""
        dtype = np.dtype(_DTYPES[spec.at % len(_DTYPES)])
        raw = self.content(spec, spec.nbytes // dtype.itemsize * dtype.itemsize).copy()
        memory.append(raw)
        if dtype.kind == "b":
            raw &= 1
        flat = raw.view(dtype)
        shape = spec.at // 16 % 8
        if flat.size == 1 and shape < 4:
            return flat.reshape(())
        if shape == 1 and flat.size % 2 == 0:
            return flat.reshape(2, flat.size // 2)
        if shape == 2 and flat.size % 4 == 0:
            return flat.reshape((4, flat.size // 4), order="F")
        if shape == 3 and dtype.isnative:  # else numpy's own pickle gives it another byte order
            return flat[::2]
        if shape == 4:
            flat.flags.writeable = False
        return flat


def _int(maker: Maker, spec: Spec, _: list[Any]) -> int:
    return int.from_bytes(maker.content(spec, spec.at % 11).tobytes(), "little", signed=True)


def _small(maker: Maker, spec: Spec, _: list[Any]) -> Any:
    return (None, True, spec.at / 7, (spec.at, "x"), [spec.at], 1j * spec.at)[spec.at % 6]


def _text(maker: Maker, spec: Spec, _: list[Any]) -> str:
    text: str = maker.content(spec, spec.nbytes // 2).tobytes().hex()
    return text + ("", "", "é", "\U0001f600")[spec.at % 4]


def _bytes(maker: Maker, spec: Spec, _: list[Any]) -> bytes:
    content: bytes = maker.content(spec).tobytes()
    return content


def _bytearray(maker: Maker, spec: Spec, memory: list[Any]) -> bytearray:
    value = bytearray(maker.content(spec))
    if value:
        memory.append(np.frombuffer(value, np.uint8))
    return value


def _view(maker: Maker, spec: Spec, memory: list[Any]) -> memoryview:
    if spec.at % 2:
        return memoryview(_bytes(maker, spec, memory))
    raw = maker.content(spec, spec.nbytes // 4 * 4).copy()
    memory.append(raw)
    return memoryview(raw.view("i4" if raw.size else "u1"))


def _dict(maker: Maker, spec: Spec, _: list[Any]) -> dict[Any, Any]:
    payload = maker.content(spec).tobytes()
    return {"number": spec.at, 7: "seven", "payload": payload, "rest": [1.5, None, ("x",)]}


def _arrays(maker: Maker, spec: Spec, memory: list[Any]) -> dict[str, Any]:
    each = spec.nbytes // (1 + spec.at % 5)
    return {
        f"array {number}": maker.array(Spec("array", each, spec.at + 3 * number), memory)
        for number in range(1 + spec.at % 5)
    }


def _thing(maker: Maker, spec: Spec, memory: list[Any]) -> Thing:
    return Thing(f"thing {spec.at}", [maker.array(spec, memory), spec.at])


def _function(maker: Maker, spec: Spec, _: list[Any]) -> Callable[[], bytes]:
    content = maker.content(spec, min(spec.nbytes, 5000)).tobytes()
    return lambda: content


_MAKERS: dict[str, Callable[[Maker, Spec, list[Any]], Any]] = {
    "int": _int,
    "small object": _small,
    "text": _text,
    "bytes": _bytes,
    "bytearray": _bytearray,
    "memoryview": _view,
    "dict": _dict,
    "array": Maker.array,
    "dict of arrays": _arrays,
    "own class": _thing,
    "function": _function,
}
KINDS = tuple(_MAKERS)


def fingerprint(value: Any) -> Any:
    """Types, shapes and checksums."""
    if isinstance(value, np.ndarray):
        is_f_order = value.flags.f_contiguous and not value.flags.c_contiguous
        content = zlib.crc32(value.tobytes("A" if is_f_order else "C"))
        return "array", value.dtype.descr, value.shape, is_f_order, content
    if isinstance(value, bytes | bytearray):
        return type(value).__name__, len(value), zlib.crc32(value)
    if isinstance(value, memoryview):
        return "view", value.format, value.shape, zlib.crc32(value.tobytes())
    if isinstance(value, str):
        return "text", len(value), zlib.crc32(value.encode())
    if isinstance(value, dict):
        return "dict", [(key, fingerprint(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [fingerprint(each) for each in value]
    if isinstance(value, Thing):
        return "thing", value.name, fingerprint(value.content)
    if isinstance(value, FunctionType):
        return "function", fingerprint(value())
    return type(value).__name__, value


def parts(value: Any) -> Iterator[Any]:
    """The arrays, bytearrays and memoryviews in an object."""
    if isinstance(value, np.ndarray | bytearray | memoryview):
        yield value
    elif isinstance(value, Thing):
        yield from parts(value.content)
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from parts(each)


def is_writable(part: Any) -> bool:
    """Whether it may be changed."""
    if isinstance(part, np.ndarray):
        return bool(part.flags.writeable)
    return not memoryview(part).readonly


def overwrite(part: Any, byte: int) -> None:
    """Puts `byte` everywhere in an array, bytearray or memoryview without gaps."""
    array = np.asarray(part)
    order = "F" if array.flags.f_contiguous else "C"
    array.reshape(-1, order=order).view(np.uint8)[:] = byte
