"""How a datatype was made, in the form of `Get_contents` (MPI-4.1, 5.1.13): lists of numbers.

Counts, displacements and sizes are large counts, as in MPI's calls with 64 bits; the rest are
integers.
"""

from __future__ import annotations

from typing import Any

from . import constants
from .datatype_state import TypeState

NAMES = {
    value: name.removeprefix("COMBINER_")
    for name, value in vars(constants).items()
    if name.startswith("COMBINER_")
}
"""COMBINER_ constants -> their names without the prefix."""

_INTEGERS = ("size", "rank", "ndims", "distribs", "dargs", "psizes", "order", "p", "r")
_COUNTED = ("INDEXED", "HINDEXED", "INDEXED_BLOCK", "HINDEXED_BLOCK", "STRUCT")


def contents(
    state: TypeState,
) -> tuple[list[int], list[int], list[int], tuple[TypeState, ...]]:
    """The integers, addresses, large counts and datatypes that a datatype was made from."""
    name = NAMES[state.combiner]
    if name == "NAMED":
        return [], [], [], ()
    integers: list[int] = []
    counts: list[int] = []
    arguments: dict[str, Any] = dict(state.arguments)
    if name == "SUBARRAY":
        integers.append(len(arguments["sizes"]))
    elif name == "DARRAY":
        ndims = len(arguments["gsizes"])
        head = {key: arguments.pop(key) for key in ("size", "rank")}
        arguments = {**head, "ndims": ndims, **arguments}
    elif name in _COUNTED:
        places = len(arguments["displacements"])
        if name.endswith("_BLOCK"):
            counts += [places, arguments.pop("blocklength")]
        else:
            counts.append(places)
    for key, value in arguments.items():
        values = value if isinstance(value, list) else [value]
        (integers if key in _INTEGERS else counts).extend(values)
    return integers, [], counts, state.members
