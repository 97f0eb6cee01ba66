"""What the predefined reduction operations make of memory: `inout = in op inout`, by numpy.

Logical operations give 0 or 1 in the type of the elements. MINLOC and MAXLOC take pair types, whose items
are a value and an index with the padding of a C structure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .datatype_state import TypeState
from .errors import ERR_OP, ERR_TYPE, MPIException

_UFUNCS = {
    "SUM": "add",
    "PROD": "multiply",
    "MAX": "maximum",
    "MIN": "minimum",
    "LAND": "logical_and",
    "LOR": "logical_or",
    "LXOR": "logical_xor",
    "BAND": "bitwise_and",
    "BOR": "bitwise_or",
    "BXOR": "bitwise_xor",
}
_BITWISE = ("BAND", "BOR", "BXOR")
_dtypes: dict[Any, Any] = {}


def reduce_into(name: str, source: Any, inout: Any, type_state: TypeState) -> None:
    """`inout = source op inout`, of equal numbers of items that lie in memory without gaps.

    Args:
        name: of the operation, as in MPI.
        source, inout: memoryviews of bytes.
        type_state: the state of the datatype of the items.
    """
    if name == "NO_OP":
        return
    if name == "REPLACE":
        inout[:] = source
        return
    import numpy as np

    dtype = numpy_dtype(type_state)
    a, b = np.frombuffer(source, dtype), np.frombuffer(inout, dtype)
    try:
        if name in ("MINLOC", "MAXLOC"):
            _take_place(name, a, b)
        else:
            if name not in _BITWISE and type_state.element and "BYTE" in type_state.element.name:
                raise TypeError
            getattr(np, _UFUNCS[name])(a, b, out=b, casting="unsafe")
    except (TypeError, IndexError):
        raise MPIException(
            ERR_OP, f"{name} has no meaning for items of {type_state.name or 'this datatype'}"
        ) from None


def numpy_dtype(type_state: TypeState) -> Any:
    """The numpy dtype of a basic or pair type."""
    import numpy as np

    key = type_state.pair or type_state.element
    if key is None:
        raise MPIException(
            ERR_OP, f"{type_state.name or 'a derived datatype'} has no predefined operation"
        )
    found = _dtypes.get(key)
    if found is None:
        if type_state.pair:
            fields = [(n, e.typestr) for n, e in zip("vi", type_state.pair, strict=True)]
            found = np.dtype(fields, align=True)
            if found.itemsize != type_state.typemap.extent:
                raise MPIException(ERR_TYPE, f"{type_state.name} lies in memory in another way")
        elif type_state.element:
            found = np.dtype(type_state.element.typestr)
        _dtypes[key] = found
    return found


def _take_place(name: str, a: Any, b: Any) -> None:
    """MINLOC and MAXLOC on arrays of pairs."""
    before: Callable[[Any, Any], Any] = a["v"].__lt__ if name == "MINLOC" else a["v"].__gt__
    taken = before(b["v"]) | ((a["v"] == b["v"]) & (a["i"] < b["i"]))
    b[taken] = a[taken]
