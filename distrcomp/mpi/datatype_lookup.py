# ruff: noqa: N802
"""Finding predefined datatypes by code, class and size, or Fortran's kinds: a mixin."""

from __future__ import annotations

from typing import Any, Self

from . import elements
from .constants import (
    COMBINER_F90_COMPLEX,
    COMBINER_F90_INTEGER,
    COMBINER_F90_REAL,
    TYPECLASS_COMPLEX,
    TYPECLASS_INTEGER,
    TYPECLASS_LOGICAL,
    TYPECLASS_REAL,
    UNDEFINED,
)
from .datatype_state import TypeState
from .errors import ERR_ARG, ERR_OTHER, ERR_TYPE, MPIException

by_name: dict[str, Any] = {}  # "INT" -> MPI.INT, by the types' own names; filled by `predefined`
by_state: dict[int, Any] = {}  # id of its state -> the same; they live for ever
_f90: dict[tuple[int, int, int], TypeState] = {}

_SIZED = {
    TYPECLASS_INTEGER: {1: "INTEGER1", 2: "INTEGER2", 4: "INTEGER4", 8: "INTEGER8"},
    TYPECLASS_REAL: {4: "REAL4", 8: "REAL8", 16: "REAL16"},
    TYPECLASS_COMPLEX: {8: "COMPLEX8", 16: "COMPLEX16", 32: "COMPLEX32"},
    TYPECLASS_LOGICAL: {4: "LOGICAL"},
}
# (decimal digits of precision, decimal exponent range, real, complex), as gfortran has them here.
_REALS = (
    (6, 37, "REAL4", "COMPLEX8"),
    (15, 307, "REAL8", "COMPLEX16"),
    (18, 4931, "REAL16", "COMPLEX32"),
)
_INTEGERS = ((2, "INTEGER1"), (4, "INTEGER2"), (9, "INTEGER4"), (18, "INTEGER8"))


class Lookups:
    """Mixin: class methods that find predefined datatypes."""

    __slots__ = ()

    @classmethod
    def fromcode(cls, code: str) -> Self:
        """Get the predefined datatype of a character code or type string."""
        name = elements.CODES.get(code) if isinstance(code, str) else None
        if name is None:
            raise ValueError(f"no datatype has the code {code!r}")
        return cls(by_name[name])  # type: ignore[call-arg]

    @classmethod
    def Get_value_index(cls, value: Any, index: Any) -> Self:
        """Return a predefined pair datatype of a value and an index; null if there is none."""
        for datatype in (value, index):
            if not datatype:
                raise MPIException(ERR_TYPE, "the null datatype has no pairs")
        for name, (first, second) in elements.PAIRS.items():
            if (value, index) == (by_name[first], by_name[second]):
                return cls(by_name[name])  # type: ignore[call-arg]
        return cls()

    @classmethod
    def Match_size(cls, typeclass: int, size: int) -> Self:
        """Find the predefined Fortran datatype of a class and a size in bytes."""
        name = _SIZED.get(typeclass, {}).get(size)
        if name is None:
            raise MPIException(ERR_ARG, f"no datatype of class {typeclass} has {size} bytes")
        return cls(by_name[name])  # type: ignore[call-arg]

    @classmethod
    def Create_f90_integer(cls, r: int) -> Self:
        """Return an integer datatype that holds `r` decimal digits."""
        for digits, name in _INTEGERS:
            if r <= digits:
                return cls._f90(name, COMBINER_F90_INTEGER, {"r": int(r)})
        raise MPIException(ERR_OTHER, f"no integer type holds {r} decimal digits")

    @classmethod
    def Create_f90_real(cls, p: int, r: int) -> Self:
        """Return a real datatype with `p` digits and a decimal exponent range of `r`."""
        return cls._f90(_real(p, r)[2], COMBINER_F90_REAL, {"p": int(p), "r": int(r)})

    @classmethod
    def Create_f90_complex(cls, p: int, r: int) -> Self:
        """Return a complex datatype with `p` digits and a decimal exponent range of `r`."""
        return cls._f90(_real(p, r)[3], COMBINER_F90_COMPLEX, {"p": int(p), "r": int(r)})

    @classmethod
    def _f90(cls, name: str, combiner: int, arguments: dict[str, int]) -> Self:
        """The one datatype of these arguments: MPI gives the same handle for the same call."""
        key = (combiner, arguments.get("p", 0), arguments["r"])
        if key not in _f90:
            like = by_name[name]._state
            state = TypeState(like.typemap, combiner, arguments, (), like.signature)
            state.element = like.element
            state.is_committed = state.is_predefined = True
            _f90[key] = state
        return cls._wrap(_f90[key])  # type: ignore[attr-defined,no-any-return]


def _real(p: int, r: int) -> tuple[int, int, str, str]:
    p, r = (0 if n == UNDEFINED else int(n) for n in (p, r))
    for kind in _REALS:
        if p <= kind[0] and r <= kind[1]:
            return kind
    raise MPIException(ERR_OTHER, f"no real type has precision {p} and exponent range {r}")
