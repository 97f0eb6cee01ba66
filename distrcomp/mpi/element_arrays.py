"""Packed bytes of a datatype as a numpy array of its basic elements."""

from __future__ import annotations

from typing import Any

from .datatype_state import TypeState
from .elements import Element

_ODD = {"c": "u1", "U": "u4", "p": "i8"}  # codes that numpy has another meaning for


def view(data: Any, state: TypeState) -> Any:
    """Packed items of the datatype as an array of elements; of (value, index) for pairs."""
    import numpy

    return numpy.frombuffer(data, dtype(state)) if len(data) else numpy.empty(0, dtype(state))


def dtype(state: TypeState) -> Any:
    """The numpy type of the basic elements of a datatype, packed.

    Raises:
        TypeError: the datatype has several kinds of elements.
    """
    if state.numpy_dtype is None:
        state.numpy_dtype = _dtype(state)
    return state.numpy_dtype


def _dtype(state: TypeState) -> Any:
    import numpy

    if len(state.signature) == 1 and isinstance(state.signature[0][1], Element):
        return numpy.dtype(_code(state.signature[0][1]))
    pair = state.pair or _pair(state)
    if pair is None:
        raise TypeError("this datatype has several kinds of elements")
    return numpy.dtype([("value", _code(pair[0])), ("index", _code(pair[1]))])


def _pair(state: TypeState) -> tuple[Element, Element] | None:
    """The pair type that all items of a derived datatype are."""
    states = {id(member): member for member in state.members}
    if len(states) != 1:
        return None
    (member,) = states.values()
    return member.pair or _pair(member)


def _code(element: Element) -> str:
    return _ODD.get(element.code, element.typechar)
