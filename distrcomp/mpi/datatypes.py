# ruff: noqa: N802
"""`MPI.Datatype`: the handle of a datatype, and what it tells about it."""

from __future__ import annotations

from typing import Any, Self

from . import datatype_contents
from .attributes import Attributed
from .constants import (
    COMBINER_DUP,
    COMBINER_F90_COMPLEX,
    COMBINER_F90_INTEGER,
    COMBINER_F90_REAL,
    COMBINER_NAMED,
)
from .datatype_builders import Builders
from .datatype_lookup import Lookups, by_state
from .datatype_state import TypeState
from .errors import ERR_TYPE, MPIException
from .handles import Handle
from .naming import Named
from .packing import Packing

_F90 = (COMBINER_F90_INTEGER, COMBINER_F90_REAL, COMBINER_F90_COMPLEX)


class Datatype(Builders, Lookups, Packing, Named, Attributed, Handle, null="DATATYPE_NULL"):
    """Datatype object."""

    __slots__ = ()

    _state: TypeState | None
    _null_error = ERR_TYPE

    def Dup(self) -> Self:
        """Duplicate a datatype."""
        old = self._known()
        new = self._made(old.typemap, COMBINER_DUP, {}, old.signature)
        state = new._known()
        state.is_committed, state.element, state.pair = old.is_committed, old.element, old.pair
        self._copy_attributes(new)
        return new

    Create_dup = Dup

    def Get_size(self) -> int:
        """Return the number of bytes occupied by the data of an item."""
        return self._known().typemap.size

    def Get_extent(self) -> tuple[int, int]:
        """Return lower bound and extent."""
        layout = self._known().typemap
        return layout.lb, layout.extent

    def Get_true_extent(self) -> tuple[int, int]:
        """Return the lower bound and extent of the data, whatever the bounds were made."""
        layout = self._known().typemap
        return layout.true_lb, layout.true_ub - layout.true_lb

    @property
    def size(self) -> int:
        """Size in bytes of the data of an item."""
        return self._known().typemap.size

    @property
    def extent(self) -> int:
        """Distance in bytes from one item to the next."""
        return self._known().typemap.extent

    @property
    def lb(self) -> int:
        """Lower bound."""
        return self._known().typemap.lb

    @property
    def ub(self) -> int:
        """Upper bound."""
        return self._known().typemap.ub

    @property
    def true_extent(self) -> int:
        """Extent of the data."""
        layout = self._known().typemap
        return layout.true_ub - layout.true_lb

    @property
    def true_lb(self) -> int:
        """Lower bound of the data."""
        return self._known().typemap.true_lb

    @property
    def true_ub(self) -> int:
        """Upper bound of the data."""
        return self._known().typemap.true_ub

    @property
    def is_contiguous(self) -> bool:
        """Whether any number of items is one run of bytes (distrcomp's own)."""
        return self._known().typemap.is_dense

    def Commit(self) -> Self:
        """Commit the datatype, as has to be done before it is used in a message."""
        self._known().is_committed = True
        return self

    def Free(self) -> None:
        """Free the datatype."""
        state = self._known()
        if state.is_predefined:
            raise MPIException(ERR_TYPE, f"{state.name or 'a predefined type'} can't be freed")
        if state.holders == 1:
            self._delete_attributes()
        state.holders -= 1
        self._invalidate()

    def free(self) -> None:
        """Free the datatype if that is possible; never fails."""
        if self._state is not None and self._state.combiner in _F90:
            self._state = None
        else:
            super().free()

    def Get_envelope(self) -> tuple[int, int, int, int, int]:
        """Return how many integers, addresses, counts and types made it, and the combiner."""
        state = self._known()
        integers, addresses, counts, members = datatype_contents.contents(state)
        return len(integers), len(addresses), len(counts), len(members), state.combiner

    def Get_contents(self) -> tuple[list[int], list[int], list[int], list[Datatype]]:
        """Return the arguments of the call that created the datatype."""
        state = self._known()
        if state.combiner == COMBINER_NAMED:
            raise MPIException(ERR_TYPE, f"{state.name} was not created by the program")
        integers, addresses, counts, members = datatype_contents.contents(state)
        return integers, addresses, counts, [_held(member) for member in members]

    def decode(self) -> tuple[Datatype, str, dict[str, Any]]:
        """Return the datatype it was made from, the constructor's name and its arguments."""
        return _datatype_decode(self)

    @property
    def envelope(self) -> tuple[int, int, int, int, int]:
        """Envelope."""
        return self.Get_envelope()

    @property
    def contents(self) -> tuple[list[int], list[int], list[int], list[Datatype]]:
        """Contents."""
        return self.Get_contents()

    @property
    def combiner(self) -> int:
        """Combiner."""
        return self._known().combiner

    @property
    def is_named(self) -> bool:
        """Whether it is a predefined datatype with a name."""
        return self._known().combiner == COMBINER_NAMED

    @property
    def is_predefined(self) -> bool:
        """Whether it is predefined and can't be freed."""
        return self._state is None or self._state.is_predefined

    def Get_name(self) -> str:
        """Get the printable name."""
        return "MPI_DATATYPE_NULL" if self._state is None else self._state.name

    def tocode(self) -> str:
        """Get the character code or type string."""
        code = _typecode(self)
        if code is None:
            raise ValueError("this datatype has no character code or type string")
        return code

    @property
    def typechar(self) -> str:
        """Character code; "V" where there is none, empty for null."""
        if self._state is None:
            return ""
        return self._state.element.typechar if self._state.element else "V"

    @property
    def typestr(self) -> str:
        """Type string; "V" and the extent where there is none, empty for null."""
        if self._state is None:
            return ""
        return self._state.element.typestr if self._state.element else f"V{self.extent}"

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._state is None or self._state.combiner == COMBINER_NAMED:
            return super().__reduce__()
        return _datatype_create, (*self.decode(), True)

    def _known(self) -> TypeState:
        """The state; an error for the null datatype."""
        if self._state is None:
            raise MPIException(ERR_TYPE, "this is the null datatype")
        return self._state


def _held(state: TypeState) -> Datatype:
    """A handle of the user's own, which he has to free unless it is predefined."""
    state.holders += 1
    return Datatype._wrap(state)


def _typecode(datatype: Datatype) -> str | None:
    """The character code or type string; None where there is none."""
    state = datatype._state
    return state.element.code if state is not None and state.element else None


def _typealign(datatype: Datatype) -> int | None:
    """The alignment in bytes of a basic or pair type; None for others."""
    state = datatype._state
    if state is None or not (state.element or state.pair):
        return None
    return state.typemap.align


def _datatype_decode(
    datatype: Datatype,
    mark: bool = False,  # noqa: ARG001
) -> tuple[Datatype, str, dict[str, Any]]:
    """What `Datatype.decode` returns."""
    state = datatype._known()
    name = datatype_contents.NAMES[state.combiner]
    if state.combiner == COMBINER_NAMED:
        return datatype, name, {}
    params = dict(state.arguments)
    members = [by_state.get(id(member)) or _held(member) for member in state.members]
    if name in ("STRUCT", "VALUE_INDEX"):
        if name == "STRUCT":
            params["datatypes"] = members
        else:
            params["value"], params["index"] = members
        return _null, name, params
    return (members[0] if members else _null), name, params


def _datatype_create(
    datatype: Datatype, combiner: str, params: dict[str, Any], free: bool = False
) -> Datatype:
    """The datatype that `decode` told of, made again."""
    if combiner == "NAMED":
        return datatype
    verb = "Get" if combiner == "VALUE_INDEX" else "Create"
    made: Datatype = getattr(datatype, f"{verb}_{combiner.lower()}")(**params)
    if free:
        for used in (datatype, *params.get("datatypes", ())):
            used.free()
    return made


_null = Datatype()
