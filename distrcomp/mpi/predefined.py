"""The predefined datatypes: `MPI.INT` and all its like, made here and declared as constants."""

from __future__ import annotations

from . import datatype_lookup, typemap
from .constants import COMBINER_NAMED
from .datatype_state import TypeState
from .datatypes import Datatype
from .elements import ABSENT, CODES, CONSTANTS, ELEMENTS, FORTRAN_CODES, PAIRS
from .handles import predefine


def _named(state: TypeState, name: str) -> Datatype:
    state.name = f"MPI_{name}"
    state.is_committed = state.is_predefined = True
    datatype = datatype_lookup.by_name[name] = Datatype._wrap(state)
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
        parts = [by_name[part]._state for part in (value, index)]
        pair = (parts[0].element, parts[1].element)
        offset = -(-pair[0].size // pair[1].align) * pair[1].align
        layout = typemap.structure([(parts[0].typemap, 1, 0), (parts[1].typemap, 1, offset)])
        state = TypeState(layout, COMBINER_NAMED, {}, (), ((1, pair[0]), (1, pair[1])))
        state.pair = pair
        _named(state, name)
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
