"""How data is accumulated in a window: MPI's own operations on basic types, each by its number.

Numbers travel, so all nodes have to count alike; they run the same version.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from . import ops_on_memory
from .datatype_lookup import by_name
from .elements import ELEMENTS, PAIRS, Element
from .errors import MPIException
from .window_protocol import CannotCombine

if TYPE_CHECKING:
    from .datatype_state import Signature, TypeState
    from .datatypes import Datatype
    from .op import Op

REPLACE = 1
_OPS = (
    "",
    "REPLACE",
    *("SUM", "PROD", "MAX", "MIN", "LAND", "LOR", "LXOR", "BAND", "BOR", "BXOR"),
    *("MINLOC", "MAXLOC"),
)
_TYPES = ("", *(element.name.removeprefix("MPI_") for element in ELEMENTS), *PAIRS)
_NUMBERS = {name: number for number, name in enumerate(_TYPES)}


def op_number(op: Op) -> int:
    """The number of an operation that windows know; 0 for another."""
    state = op._known()
    return _OPS.index(state.name) if state.name in _OPS else 0


def element_of(datatype: Datatype) -> int:
    """The number of the basic type that a datatype is made of; 0 where it is made of several."""
    state = datatype._known()
    while state.pair is None and len(state.members) == 1:
        state = state.members[0]
    if state.pair is not None:
        return _NUMBERS.get(state.name.removeprefix("MPI_"), 0)
    found = _elements(datatype._known().signature)
    if len(found) != 1:
        return 0
    return _NUMBERS[found.pop().name.removeprefix("MPI_")]


def _elements(signature: Signature) -> set[Element]:
    found: set[Element] = set()
    for _, what in signature:
        found |= {what} if isinstance(what, Element) else _elements(what)
    return found


def combine(op: int, element: int, into: memoryview, data: memoryview) -> None:
    """Sets `into` to what it was, combined with `data`: packed items of a basic type.

    Raises:
        CannotCombine: the operation means nothing for the type.
    """
    if op == REPLACE:
        into[:] = data
        return
    state = _type_state(element)
    try:
        ops_on_memory.reduce_into(_OPS[op], data, into, state)
    except MPIException as error:
        raise CannotCombine(str(error)) from error


@lru_cache(maxsize=1024)
def check(op: int, element: int) -> None:
    """Raises CannotCombine where the operation means nothing for the type."""
    nbytes = _type_state(element).typemap.size
    combine(op, element, memoryview(bytearray(nbytes)), memoryview(bytes(nbytes)))


def _type_state(element: int) -> TypeState:
    found: TypeState | None = by_name[_TYPES[element]]._state
    if found is None:
        raise CannotCombine("there is no such type here")
    return found
