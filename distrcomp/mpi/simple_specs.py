"""Specifications of a message of one datatype, and what they share with those of vectors.

Hot path: `message(array)`. What an array's dtype or a buffer's format means is looked up once.
"""

from __future__ import annotations

from collections.abc import Callable
from pickle import PickleBuffer
from typing import Any

from ..views import content
from . import elements
from .checks import exact
from .datatype_lookup import by_name
from .datatype_state import TypeState
from .datatypes import Datatype
from .errors import ERR_TYPE, MPIException
from .exporters import Exported, export, plain_form
from .message_spec import MessageSpec
from .special_buffers import BOTTOM

_Parts = tuple[Any, Any, Any, Any]

_array_types: dict[Any, tuple[Datatype, TypeState]] = {}  # numpy dtype, bytes -> what it is for MPI
_ARRAY_TYPES_MAX = 256  # a program that makes dtypes without end starts over
_BYTES = frozenset((bytes, bytearray))


def message(spec: Any, writable: bool = False, blocks: int = 1) -> MessageSpec:
    """The message that a program means by `spec`.

    Args:
        spec: a buffer; or a list or tuple of a buffer (None and BOTTOM too), then a count, a
            (count,
            displacement) or both in turn, then a type: any of them may be left out or None.
        writable: whether it is received into.
        blocks: into how many blocks the buffer is divided where the count is left out.

    Raises:
        TypeError, KeyError, ValueError, BufferError, MPIException: see `specs`.
    """
    try:
        kind = type(spec)
        if kind is list or kind is tuple:
            made = _listed(spec, writable, blocks)
        else:  # a numpy array of a known type, or bytes
            datatype, state = _array_types[kind if kind in _BYTES else spec.dtype]
            made = _given(spec, None, datatype, state, writable, blocks)
    except (AttributeError, LookupError, TypeError, ValueError, BufferError):
        made = None  # the long way tells what is wrong, if anything is
    return made or _message(spec, writable, blocks)


def _listed(spec: Any, writable: bool, blocks: int) -> MessageSpec | None:
    """The message of [buffer, type] or [buffer, count, type], if nothing is odd about it."""
    datatype = spec[-1]
    if type(datatype) is str:
        datatype = coded(datatype)
    elif type(datatype) is not Datatype:
        return None
    state = datatype._state
    if state is None or not state.is_committed or not state.size or not state.typemap.is_dense:
        return None
    if len(spec) == 2:
        return _given(spec[0], None, datatype, state, writable, blocks)
    if len(spec) == 3 and type(spec[1]) is int:
        return _given(spec[0], spec[1], datatype, state, writable, blocks)
    return None


def _given(
    buf: Any,
    count: int | None,
    datatype: Datatype,
    state: TypeState,
    writable: bool,
    blocks: int,
) -> MessageSpec | None:
    """The message in this buffer, if nothing is odd about it."""
    memory = content(buf) if type(buf) is memoryview else PickleBuffer(buf).raw()
    if writable and memory.readonly:
        return None
    nbytes = len(memory)
    if count is None:
        count, rest = divmod(nbytes, state.size * blocks)
        if rest:
            return None
    elif not 0 <= count * state.size * blocks <= nbytes:
        return None
    made = MessageSpec(buf, memory, datatype, state, count)
    made.blocks = blocks
    made.is_whole = made.nbytes == nbytes
    return made


def _message(spec: Any, writable: bool, blocks: int) -> MessageSpec:
    buf, count, displ, typespec = parts_of(spec, _simple_parts)
    exported = exported_of(buf, writable)
    datatype = datatype_of(typespec, exported)
    state = datatype._state
    count = None if count is None else as_count(count, "count")
    displ = 0 if displ is None else as_count(displ, "displacement")
    if exported is None:
        if count and buf is None:
            raise ValueError(f"message: buffer is None but count is {count}")
        if state is None:
            raise MPIException(ERR_TYPE, "the null datatype has no messages")
        origin = displ * state.typemap.extent
        made = MessageSpec(buf, None, datatype, committed(state), count or 0, origin)
    else:
        if state is None:
            if count is None or displ:
                raise ValueError("message: a null datatype has no extent")
            raise MPIException(ERR_TYPE, "the null datatype has no messages")
        made = _fitted(exported, datatype, state, count, displ, blocks)
    made.blocks = blocks
    return made


def _fitted(
    exported: Exported,
    datatype: Datatype,
    state: TypeState,
    count: int | None,
    displ: int,
    blocks: int,
) -> MessageSpec:
    """The message in this memory, its count inferred if there is none."""
    nbytes = len(exported.memory)
    origin = 0
    if count is None or displ:
        items = items_in(nbytes, state)
        if displ > items:
            raise ValueError(
                f"message: displacement {displ} out of bounds, number of datatype entries {items}"
            )
        origin = displ * state.typemap.extent
        if count is None:
            count, rest = divmod(items - displ, blocks)
            if rest:
                raise ValueError(
                    f"message: cannot infer count, number of entries {items - displ}"
                    f" is not a multiple of required number of blocks {blocks}"
                )
    return MessageSpec(exported.obj, exported.memory, datatype, committed(state), count, origin)


def parts_of(spec: Any, of_list: Callable[[Any], _Parts]) -> _Parts:
    """(buffer, counts, displacements, type) of what a program has given; what is left out is None.

    Args:
        of_list: takes them from a list or tuple.
    """
    if isinstance(spec, (list, tuple)):
        return of_list(spec)
    if spec is None:
        raise TypeError("message: expecting a buffer, list or tuple, not None")
    return spec, None, None, None


def _simple_parts(spec: Any) -> _Parts:
    if len(spec) == 2:
        buf, second = spec
        if isinstance(second, (tuple, list)):
            count, displ = second
            return buf, count, displ, None
        if second is None or isinstance(second, (Datatype, str)):
            return buf, None, None, second
        return buf, second, None, None
    if len(spec) == 3:
        buf, second, typespec = spec
        if isinstance(second, (tuple, list)):
            count, displ = second
            return buf, count, displ, typespec
        return buf, second, None, typespec
    if len(spec) == 4:
        return spec[0], spec[1], spec[2], spec[3]
    raise ValueError("message: expecting 2 to 4 items")


def exported_of(buf: Any, writable: bool) -> Exported | None:
    """The memory of the buffer; None for None and BOTTOM.

    Raises:
        TypeError: it is no buffer.
        BufferError: it isn't contiguous, or can't be written and has to be.
    """
    if buf is None or buf is BOTTOM:
        return None
    exported = export(buf)
    if writable and exported.memory.readonly:
        raise BufferError("can't receive into read-only memory")
    return exported


def datatype_of(typespec: Any, exported: Exported | None) -> Datatype:
    """The datatype that was given, by itself or its code, or that the buffer has.

    Raises:
        KeyError: no datatype has that code or format.
    """
    if isinstance(typespec, Datatype):
        return typespec
    if typespec is not None or exported is None:
        return coded(typespec)
    found = coded(plain_form(exported.form))
    dtype = getattr(exported.obj, "dtype", None)
    if dtype is not None and type(dtype).__module__.startswith("numpy"):
        state = found._known()
        if state.size == dtype.itemsize and dtype.kind not in "Mm":
            if len(_array_types) >= _ARRAY_TYPES_MAX:
                _array_types.clear()
            _array_types[dtype] = (found, state)
    elif type(exported.obj) in _BYTES:
        _array_types[type(exported.obj)] = (found, found._known())
    return found


def coded(code: Any) -> Datatype:
    """The predefined datatype of a code."""
    name = elements.CODES.get(code) if isinstance(code, str) else None
    if name is None:
        raise KeyError(f"cannot map {code!r} to MPI datatype")
    found: Datatype = by_name[name]
    return found


def committed(state: TypeState) -> TypeState:
    """The state, if its datatype was committed."""
    if not state.is_committed:
        raise MPIException(ERR_TYPE, "the datatype was not committed: call its Commit() first")
    return state


def items_in(nbytes: int, state: TypeState) -> int:
    """How many items a buffer holds.

    Raises:
        ValueError: not a whole number of them, or the extent says nothing.
    """
    layout = state.typemap
    bounds = f"(lb:{layout.lb}, ub:{layout.ub})"
    if layout.extent <= 0:
        raise ValueError(f"message: cannot infer count, datatype extent {layout.extent} {bounds}")
    items, rest = divmod(nbytes, layout.extent)
    if rest:
        raise ValueError(
            f"message: cannot infer count, buffer length {nbytes} is not a multiple"
            f" of datatype extent {layout.extent} {bounds}"
        )
    return items


def as_count(value: Any, what: str) -> int:
    """A count or displacement, which is an integer from 0 on."""
    number = exact(value)
    if number < 0:
        raise ValueError(f"message: negative {what} {number}")
    return number
