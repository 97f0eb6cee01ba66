"""Packed items ↔ the same in "external32" (MPI-4.1, 14.5.2): big-endian, in fixed sizes; no I/O.

Integers that are shorter there (`LONG` has 4 bytes) lose what is above. A long double is an IEEE
quadruple there; the 80 bits of x86 go into one exactly.
"""

from __future__ import annotations

import sys
from typing import Any

from .datatype_state import Signature, sum_bytes
from .elements import Element


def size_of(signature: Signature) -> int:
    """Bytes of one item in external32."""
    return sum(
        count * (what.external_size if isinstance(what, Element) else size_of(what))
        for count, what in signature
    )


def encode(data: Any, signature: Signature) -> memoryview:
    """The items in `data`, packed as they are on this machine, in external32."""
    return _convert(data, signature, encoding=True)


def decode(data: Any, signature: Signature) -> memoryview:
    """The items in `data`, which are in external32, packed as they are on this machine."""
    return _convert(data, signature, encoding=False)


def _convert(data: Any, signature: Signature, *, encoding: bool) -> memoryview:
    import numpy

    sizes = (sum_bytes(signature), size_of(signature))
    before, after = sizes if encoding else sizes[::-1]
    if not before or not len(data):
        return memoryview(b"")
    source = numpy.frombuffer(data, numpy.uint8).reshape(-1, before)
    target = numpy.empty((len(source), after), numpy.uint8)
    _columns(source, target, signature, encoding)
    return target.reshape(-1).data


def _columns(source: Any, target: Any, signature: Signature, encoding: bool) -> None:
    """Converts rows of items, the columns of one run of the signature after the other."""
    here = there = 0
    for count, what in signature:
        if isinstance(what, Element):
            sizes = (what.size, what.external_size)
        else:
            sizes = (sum_bytes(what), size_of(what))
        before, after = sizes if encoding else sizes[::-1]
        run = source[:, here : here + count * before].reshape(-1, before)
        if isinstance(what, Element):
            converted = _to_external(run, what) if encoding else _from_external(run, what)
        else:
            import numpy

            converted = numpy.empty((len(run), after), numpy.uint8)
            _columns(run, converted, what, encoding)
        target[:, there : there + count * after] = converted.reshape(len(target), count * after)
        here, there = here + count * before, there + count * after


def _to_external(rows: Any, element: Element) -> Any:
    parts = _parts(element)
    rows = rows.reshape(-1, element.size // parts)
    if _is_extended(element):
        rows = _quadruple(rows)
    size = element.external_size // parts
    if sys.byteorder == "little":
        return rows[:, :size][:, ::-1]
    return rows[:, rows.shape[1] - size :]


def _from_external(rows: Any, element: Element) -> Any:
    import numpy

    parts = _parts(element)
    rows = rows.reshape(-1, element.external_size // parts)
    little = rows[:, ::-1]
    size = element.size // parts
    if _is_extended(element):
        little = _extended(little)
    elif size > little.shape[1]:
        wide = numpy.zeros((len(little), size), numpy.uint8)
        wide[:, : little.shape[1]] = little
        if element.typestr[0] == "i":
            wide[little[:, -1] >= 128, little.shape[1] :] = 255
        little = wide
    return little if sys.byteorder == "little" else little[:, ::-1]


def _parts(element: Element) -> int:
    """How many numbers an element is made of."""
    return 2 if element.typestr[0] == "c" else 1


def _is_extended(element: Element) -> bool:
    """Whether it is made of x86's long doubles: 80 bits in 16 bytes."""
    import numpy

    return element.typestr in ("f16", "c32") and numpy.finfo(numpy.longdouble).nmant == 63


def _quadruple(rows: Any) -> Any:
    """Long doubles of x86 as little-endian quadruples, which don't store the leading 1."""
    import numpy

    fraction = numpy.ascontiguousarray(rows[:, :8]).view("<u8")[:, 0] & numpy.uint64(2**63 - 1)
    wide = numpy.zeros((len(rows), 16), numpy.uint8)
    wide[:, 14:] = rows[:, 8:10]
    words = wide.view("<u8")
    words[:, 1] |= fraction >> numpy.uint64(15)
    words[:, 0] = fraction << numpy.uint64(49)
    return wide


def _extended(rows: Any) -> Any:
    """Little-endian quadruples as long doubles of x86; digits beyond theirs are cut."""
    import numpy

    words = numpy.ascontiguousarray(rows).view("<u8")
    fraction = (words[:, 1] & numpy.uint64(2**48 - 1)) << numpy.uint64(15)
    fraction |= words[:, 0] >> numpy.uint64(49)
    is_normal = (words[:, 1] >> numpy.uint64(48)) & numpy.uint64(0x7FFF) != 0
    fraction |= is_normal.astype("<u8") << numpy.uint64(63)
    narrow = numpy.zeros((len(rows), 16), numpy.uint8)
    narrow[:, :8] = fraction[:, None].view(numpy.uint8).reshape(-1, 8)
    narrow[:, 8:10] = rows[:, 14:]
    return narrow
