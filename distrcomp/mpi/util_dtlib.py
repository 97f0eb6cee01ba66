"""`mpi4py.util.dtlib`: NumPy's data types and MPI's, each as the other.

Without NumPy (`_np_dtype` is None) `to_numpy_dtype` gives what `numpy.dtype` would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import MPI

try:
    from numpy import dtype as _np_dtype
except ImportError:  # numpy is one of our dependencies, but nothing else here needs it
    _np_dtype = None  # type: ignore[assignment,misc]

__all__ = ["from_numpy_dtype", "to_numpy_dtype"]

# What MINLOC and MAXLOC are for: a value and an index, as character codes.
_PAIRS = {
    "MPI_SHORT_INT": "hi",
    "MPI_2INT": "ii",
    "MPI_LONG_INT": "li",
    "MPI_FLOAT_INT": "fi",
    "MPI_DOUBLE_INT": "di",
    "MPI_LONG_DOUBLE_INT": "gi",
}
_INDEXED = ("INDEXED", "HINDEXED", "INDEXED_BLOCK", "HINDEXED_BLOCK")


def from_numpy_dtype(dtype: Any) -> MPI.Datatype:
    """Convert NumPy datatype to MPI datatype, which the caller frees.

    Args:
        dtype: what `numpy.dtype` takes.

    Raises:
        ValueError: MPI has nothing like it: objects, foreign byte order, raw memory.
        RuntimeError: there is no NumPy.
    """
    if _np_dtype is None:
        raise RuntimeError("from_numpy_dtype: NumPy is not available")
    dtype = _np_dtype(dtype)
    if dtype.hasobject:
        raise ValueError(f"{dtype!r} holds Python objects")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        element = from_numpy_dtype(base)
        return _freeing(element, lambda: element.Create_subarray(shape, shape, [0] * len(shape)))
    if dtype.fields is not None:
        return _from_fields(dtype)
    if not dtype.isnative:
        raise ValueError(f"{dtype!r} is not in this machine's byte order")
    if dtype.kind == "V":
        raise ValueError(f"{dtype!r} says nothing of what it holds")
    return MPI.Datatype.fromcode(dtype.char).Dup()


def to_numpy_dtype(datatype: MPI.Datatype) -> Any:
    """Convert MPI datatype to NumPy datatype.

    Raises:
        ValueError: NumPy has nothing like it.
    """
    if datatype == MPI.DATATYPE_NULL:
        raise ValueError("to_numpy_dtype: the null datatype")
    base, combiner, params = datatype.decode()
    members = list(params["datatypes"]) if combiner == "STRUCT" else [base]
    try:
        if combiner == "VALUE_INDEX":
            return _pair(to_numpy_dtype(params["value"]), to_numpy_dtype(params["index"]))
        return _converted(datatype, combiner, params, members)
    finally:
        for member in members:
            if not member.is_predefined:
                member.Free()


def _from_fields(dtype: Any) -> MPI.Datatype:
    fields = [dtype.fields[name] for name in dtype.names]
    types = [from_numpy_dtype(field[0]) for field in fields]
    offsets = [field[1] for field in fields]
    struct = MPI.Datatype.Create_struct([1] * len(types), offsets, types)
    for each in types:
        each.Free()
    if struct.Get_extent() == (0, dtype.itemsize):
        return struct
    return _freeing(struct, lambda: struct.Create_resized(0, dtype.itemsize))


def _freeing(used: MPI.Datatype, make: Any) -> MPI.Datatype:
    try:
        made: MPI.Datatype = make()
    finally:
        used.Free()
    return made


def _converted(
    datatype: MPI.Datatype, combiner: str, params: dict[str, Any], members: list[MPI.Datatype]
) -> Any:
    """The conversion of a datatype made of `members`, or of a predefined one."""
    base = members[0] if members else MPI.DATATYPE_NULL
    if combiner == "NAMED" or combiner.startswith("F90"):
        return _predefined(datatype)
    if combiner == "DUP":
        return to_numpy_dtype(base)
    if combiner == "RESIZED":
        return _resized(to_numpy_dtype(base), datatype)
    if combiner == "CONTIGUOUS":
        return _dtype((to_numpy_dtype(base), (params["count"],)))
    if combiner == "SUBARRAY":
        return _subarray(to_numpy_dtype(base), params)
    if combiner in ("VECTOR", "HVECTOR"):
        stride = params["stride"] * (base.extent if combiner == "VECTOR" else 1)
        offsets = [index * stride for index in range(params["count"])]
        return _blocks(to_numpy_dtype(base), params["blocklength"], offsets, datatype)
    if combiner in _INDEXED:
        unit = 1 if combiner.startswith("H") else base.extent
        offsets = [displacement * unit for displacement in params["displacements"]]
        lengths = params.get("blocklengths") or params["blocklength"]
        return _blocks(to_numpy_dtype(base), lengths, offsets, datatype)
    if combiner == "STRUCT":
        formats = [
            _block(to_numpy_dtype(member), length)
            for member, length in zip(members, params["blocklengths"], strict=True)
        ]
        return _struct(formats, list(params["displacements"]), datatype.extent, members)
    raise ValueError(f"NumPy has no datatype like one made by {combiner}")


def _dtype(spec: Any) -> Any:
    return spec if _np_dtype is None else _np_dtype(spec)


def _predefined(datatype: MPI.Datatype) -> Any:
    if datatype.typestr.startswith("V") and datatype.name in _PAIRS:
        return _pair(*map(_dtype, _PAIRS[datatype.name]))
    if _np_dtype is None:
        return datatype.tocode()
    try:
        return _np_dtype(datatype.typestr)
    except TypeError:
        return _np_dtype(f"V{datatype.extent}")


def _pair(value: Any, index: Any) -> Any:
    if _np_dtype is None:
        return f"{value},{index}", {"align": True}
    return _np_dtype([("f0", value), ("f1", index)], align=True)


def _resized(spec: Any, datatype: MPI.Datatype) -> Any:
    """A structure with another itemsize; for anything else only its own will do."""
    lower, extent = datatype.Get_extent()
    if _np_dtype is not None and spec.fields is not None and lower == 0:
        fields = [spec.fields[name] for name in spec.names]
        formats, offsets = [field[0] for field in fields], [field[1] for field in fields]
        aligned = spec.isalignedstruct and extent % spec.alignment == 0
        return _dtype(_struct_spec(formats, offsets, extent, aligned=aligned))
    if _np_dtype is None or (lower, extent) == (0, spec.itemsize):
        return spec
    raise ValueError("NumPy has no datatype like one with this lower bound and extent")


def _subarray(spec: Any, params: dict[str, Any]) -> Any:
    sizes, subsizes = list(params["sizes"]), list(params["subsizes"])
    if sizes != subsizes or any(params["starts"]):
        raise ValueError("NumPy has no datatype like a part of an array")
    is_fortran = params["order"] == MPI.ORDER_FORTRAN
    return _dtype((spec, tuple(reversed(sizes)) if is_fortran else tuple(sizes)))


def _blocks(
    spec: Any, lengths: int | Sequence[int], offsets: list[int], datatype: MPI.Datatype
) -> Any:
    """Blocks of one type at these offsets."""
    if isinstance(lengths, int):
        lengths = [lengths] * len(offsets)
    formats = [_dtype((spec, (length,))) for length in lengths]
    lower, extent = datatype.Get_extent()
    return _dtype(_struct_spec(formats, offsets, lower + extent, aligned=False))


def _block(spec: Any, length: int) -> Any:
    return spec if length == 1 else _dtype((spec, (length,)))


def _struct(formats: list[Any], offsets: list[int], size: int, members: list[MPI.Datatype]) -> Any:
    """A structure; an aligned one where everything lies as a C compiler would lay it."""
    if _np_dtype is None:
        alignments = [MPI._typealign(member) or 1 for member in members]
    else:
        alignments = [each.alignment for each in formats]
        ends = [at + each.itemsize for at, each in zip(offsets, formats, strict=True)]
        size = max(size, *ends)  # it may begin behind its lower bound
    is_aligned = size % max(alignments, default=1) == 0 and all(
        offset % alignment == 0 for offset, alignment in zip(offsets, alignments, strict=True)
    )
    return _dtype(_struct_spec(formats, offsets, size, aligned=is_aligned))


def _struct_spec(
    formats: list[Any], offsets: list[int], size: int, *, aligned: bool
) -> dict[str, Any]:
    names = [f"f{index}" for index in range(len(formats))]
    spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": size}
    return {**spec, "aligned": aligned}
