"""The predefined datatypes: `MPI.INT` and all its like, made here and declared as constants."""

from __future__ import annotations

from typing import Any

from . import datatype_lookup, typemap
from .constants import COMBINER_NAMED
from .datatype_state import TypeState
from .datatypes import Datatype
from .elements import ABSENT, CODES, CONSTANTS, ELEMENTS, FORTRAN_CODES, PAIRS
from .handles import predefine


class _PairState(TypeState):
    """A pair type. Its layout is made when it is asked for: that takes numpy, and few ask."""

    __slots__ = ("_layout", "_parts")

    def __init__(self, value: Any, index: Any) -> None:
        signature = ((1, value.element), (1, index.element))
        super().__init__(value.typemap, COMBINER_NAMED, {}, (), signature)
        self._layout: Any = None
        self._parts = (value, index)
        self.pair = (value.element, index.element)
        self.size = value.size + index.size

    @property
    def typemap(self) -> Any:
        """The layout of an item."""
        if self._layout is None:
            value, index = self._parts
            align = index.element.align
            offset = -(-value.size // align) * align
            self._layout = typemap.structure([(value.typemap, 1, 0), (index.typemap, 1, offset)])
        return self._layout

    @typemap.setter
    def typemap(self, layout: Any) -> None:
        self._layout = layout


def _named(state: TypeState, name: str) -> Datatype:
    state.name = f"MPI_{name}"
    state.is_committed = state.is_predefined = True
    datatype = datatype_lookup.by_name[name] = Datatype._wrap(state)
    datatype_lookup.by_state[id(state)] = datatype
    return datatype


def _define() -> None:
    predefine("DATATYPE_NULL", Datatype())
    for element in ELEMENTS:
        state = TypeState(
            typemap.basic(element.size, element.align), COMBINER_NAMED, {}, (), ((1, element),)
        )
        state.element = element
        _named(state, element.name.removeprefix("MPI_"))
    by_name = datatype_lookup.by_name
    for name, (value, index) in PAIRS.items():
        _named(_PairState(*(by_name[part]._state for part in (value, index))), name)
    own = [name for name in by_name if name.isidentifier() and name not in _RENAMED]
    for name in own:
        predefine(name, by_name[name])
    for name, meant in CONSTANTS.items():
        predefine(name, by_name[meant])
    for name in ABSENT:
        predefine(name, Datatype())


_RENAMED = ("LONG_LONG_INT", "C_FLOAT16", "2INT")  # these names are not in the MPI module
_define()

_typedict = {code: datatype_lookup.by_name[name] for code, name in CODES.items()}
_typedict_f = {code: datatype_lookup.by_name[name] for code, name in FORTRAN_CODES.items()}
_typedict_c = {
    code: datatype
    for code, datatype in _typedict.items()
    if code in "?bhilqBHILQfdgFDG" or (code[1:].isdigit() and code[0] in "biufc")
}
