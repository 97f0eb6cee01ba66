# ruff: noqa: N802
"""Attributes: values that a program (or a library in it) keeps on communicators, datatypes and
windows.

A key is created per kind with `Create_keyval(copy_fn, delete_fn)`. On `Dup`, `copy_fn` decides what
the copy gets: None or False nothing, True the same object, a function what it returns
(NotImplemented: nothing). `delete_fn` runs when an attribute is deleted, overwritten, or its object
freed. An exception in either is printed and becomes MPI.Exception(ERR_OTHER), since MPI knows error
codes only.

The owner of a class calls `_copy_attributes` in its Dup and `_delete_attributes` in its Free; its
state has a dict `attributes`, which keeps the order of setting.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import distrcomp

from .constants import (
    ANY_SOURCE,
    APPNUM,
    HOST,
    IO,
    KEYVAL_INVALID,
    LASTUSEDCODE,
    PROC_NULL,
    TAG_UB,
    UNIVERSE_SIZE,
    WTIME_IS_GLOBAL,
)
from .errors import ERR_KEYVAL, ERR_OTHER, MPIException, last_used_code
from .handles import Handle

HIGHEST_TAG = 2**31 - 1


class _Key(NamedTuple):
    kind: type[Handle]
    copy_fn: Any
    delete_fn: Any
    nopython: bool


_keys: dict[int, _Key] = {}  # keys in use by the program
_freed: dict[int, _Key] = {}  # freed keys, whose attributes live on
_next_key = itertools.count(1000)


class Attributed:
    """Mixin for classes of handles with attributes."""

    __slots__ = ()

    _state: Any
    _kind: Any
    _null_error: ClassVar[int]

    def Get_attr(self, keyval: int) -> Any:
        """Retrieve the value of an attribute by its key, None if it is not set."""
        state = self._living()
        standing = self._standing_attributes()
        if keyval in standing:
            return standing[keyval]
        self._key(keyval)
        return state.attributes.get(keyval)

    def Set_attr(self, keyval: int, attrval: Any) -> None:
        """Store the value of an attribute under its key."""
        state = self._living()
        key = self._key(keyval)
        if key.nopython and not hasattr(attrval, "__index__"):
            raise TypeError(f"an attribute of this key is an int, not {type(attrval).__name__}")
        if keyval in state.attributes:
            self._delete(keyval)
        state.attributes[keyval] = int(attrval) if key.nopython else attrval

    def Delete_attr(self, keyval: int) -> None:
        """Delete the value of an attribute."""
        state = self._living()
        self._key(keyval)
        if keyval in state.attributes:
            self._delete(keyval)

    @classmethod
    def Create_keyval(
        cls,
        copy_fn: Callable[[Any, int, Any], Any] | bool | None = None,
        delete_fn: Callable[[Any, int, Any], None] | None = None,
        nopython: bool = False,
    ) -> int:
        """Create a new attribute key for this class of objects.

        copy_fn(object, keyval, value) gives the value for a duplicate; delete_fn(object, keyval,
        value) is called on deletion. With nopython, values are integers.
        """
        keyval = next(_next_key)
        _keys[keyval] = _Key(cls._kind, copy_fn, delete_fn, nopython)
        return keyval

    @classmethod
    def Free_keyval(cls, keyval: int) -> int:
        """Free an attribute key; what is stored under it stays until its object goes."""
        key = _keys.get(keyval)
        if key is None or key.kind is not cls._kind:
            raise MPIException(
                ERR_KEYVAL, f"{keyval} is no key of {cls.__name__} that can be freed"
            )
        _freed[keyval] = _keys.pop(keyval)
        return KEYVAL_INVALID

    def _living(self) -> Any:
        """The state; an error for a null handle."""
        if self._state is None:
            raise MPIException(self._null_error, "a null handle has no attributes")
        return self._state

    def _key(self, keyval: int) -> _Key:
        key = _keys.get(keyval)
        if key is None or key.kind is not self._kind:
            raise MPIException(ERR_KEYVAL, f"{keyval} is no key of {type(self).__name__}")
        return key

    def _standing_attributes(self) -> dict[int, Any]:
        """The attributes that are always there, by key; they can't be set."""
        return {}

    def _copy_attributes(self, new: Any) -> None:
        """Gives the duplicate `new` of this object what the copy functions say."""
        for keyval, value in list(self._state.attributes.items()):
            key = _keys.get(keyval) or _freed[keyval]
            if key.copy_fn is True:
                new._state.attributes[keyval] = value
            elif key.copy_fn:
                copy = _guard(key.copy_fn, self, keyval, value)
                if copy is not NotImplemented:
                    new._state.attributes[keyval] = int(copy) if key.nopython else copy

    def _delete_attributes(self) -> None:
        """Deletes all attributes before the object is freed, the last one set first."""
        for keyval in reversed(list(self._state.attributes)):
            self._delete(keyval)

    def _delete(self, keyval: int) -> None:
        key = _keys.get(keyval) or _freed[keyval]
        value = self._state.attributes.pop(keyval)
        if key.delete_fn:
            _guard(key.delete_fn, self, keyval, value)


def _guard(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a callback of the program; its exception is printed, as no code of MPI can carry it."""
    try:
        return function(*arguments)
    except Exception as error:
        traceback.print_exc()
        raise MPIException(ERR_OTHER, f"an attribute callback raised {error!r}") from error


class CommAttributes(Attributed):
    """Mixin: attributes of a communicator, with those that MPI has set on each."""

    __slots__ = ()

    def _standing_attributes(self) -> dict[int, Any]:
        return {
            TAG_UB: HIGHEST_TAG,
            IO: ANY_SOURCE,
            HOST: PROC_NULL,
            WTIME_IS_GLOBAL: 0,
            APPNUM: 0,
            LASTUSEDCODE: last_used_code(),
            UNIVERSE_SIZE: distrcomp.n_node,
        }
