"""What the predefined reduction operations make of memory: `inout = source op inout`, by numpy.

Logical operations give 0 or 1 in the type of the elements. MINLOC and MAXLOC take pair types, whose
items are a value and an index; in packed form they have no padding.
"""

from __future__ import annotations

from typing import Any

from . import element_arrays
from .datatype_state import TypeState
from .errors import ERR_OP, MPIException

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


def reduce_into(name: str, source: Any, inout: Any, type_state: TypeState) -> None:
    """`inout = source op inout`, of equal numbers of items in packed form.

    Args:
        name: of the operation, as in MPI.
        source, inout: memoryviews of bytes.
        type_state: the state of the datatype of the items.

    Raises:
        MPIException: ERR_OP: the operation has no meaning for the datatype.
    """
    if name == "NO_OP":
        return
    if name == "REPLACE":
        inout[:] = source
        return
    try:
        a, b = (element_arrays.view(data, type_state) for data in (source, inout))
        if name in ("MINLOC", "MAXLOC"):
            _take_place(name, a, b)
        else:
            import numpy

            getattr(numpy, _UFUNCS[name])(a, b, out=b, casting="unsafe")
    except (TypeError, IndexError):
        what = type_state.name or "a derived datatype"
        raise MPIException(ERR_OP, f"{name} has no meaning for items of {what}") from None


def _take_place(name: str, a: Any, b: Any) -> None:
    """MINLOC and MAXLOC on arrays of pairs."""
    value, other = a["value"], b["value"]
    before = value < other if name == "MINLOC" else value > other
    taken = before | ((value == other) & (a["index"] < b["index"]))
    b[taken] = a[taken]
