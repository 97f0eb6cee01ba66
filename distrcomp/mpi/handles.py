"""What every handle of the face has in common: null, equality, numbers, pickling, `free`.

A handle object (a communicator, a datatype, a request ...) is a thin wrapper around a *state*: the
thing that it denotes, shared by all wrappers of it, or None, which is the null handle of its kind.
So `MPI.Comm(comm)` is a second wrapper of one state and equals the first; freeing makes the wrapper
null. Equality is identity of states within one kind, and handles have no hash, as in mpi4py.

What holds always:

- `_state` is None exactly when the handle is null. Owners may keep more slots and then extend
  `_adopt`, which a copy goes through, and `_invalidate`, which freeing goes through.
- A class whose bases include `Handle` directly is the root of its kind and names its null constant:
  `class Group(Handle, null="GROUP_NULL")`. What a call on the null handle raises is `_null_error`.
- A constant (`MPI.SUM`, `MPI.COMM_NULL`) was passed to `predefine` and pickles as its name, by way
  of `__reduce__`; no other handle pickles unless its class says how.

A handle's number (`handle`, `toint`, `py2f`) is given out when it is first asked for; from then on
it keeps the state alive until the handle is freed, as a handle in C would. 0 is null.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from typing import Any, ClassVar, Self

from .errors import ERR_ARG

_constants: dict[str, Handle] = {}
_constant_names: dict[int, str] = {}  # id of a constant's state -> name; constants live for ever
_numbers: dict[int, int] = {}  # id of a state -> its number
_states: dict[int, tuple[Any, type[Handle]]] = {}
_next_number = itertools.count(1)
_lock = threading.Lock()
_OWN_MODULES = ("distrcomp.mpi", "mpi4py.MPI")  # the face's, and what the shim calls it


class _Kind:
    """The root of a handle class's kind, as an attribute of the class."""

    def __get__(self, _handle: object, cls: type[Handle]) -> type[Handle]:
        return next(base for base in cls.__mro__ if "_null" in vars(base))


class Handle:
    """The base of all handle classes; see the module's text for what a subclass owes."""

    __slots__ = ("__weakref__", "_cell", "_state")

    _kind: ClassVar[_Kind] = _Kind()
    _null: ClassVar[str]
    _null_error: ClassVar[int] = ERR_ARG  # the class of error of calls on the null handle
    _state: Any
    _cell: ctypes.c_uint64

    def __init_subclass__(cls, null: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if null:
            cls._null = null

    def __new__(cls, handle: Handle | None = None) -> Self:
        """The null handle, or another wrapper of what `handle` denotes."""
        self = object.__new__(cls)
        if handle is None:
            self._state = None
        elif isinstance(handle, cls._kind):
            self._adopt(handle)
        else:
            raise TypeError(
                f"{cls.__name__}() takes a {cls._kind.__name__}, not {type(handle).__name__}"
            )
        return self

    @classmethod
    def _wrap(cls, state: Any) -> Self:
        """A new handle of this class around `state`, whatever __new__ a subclass has."""
        self = object.__new__(cls)
        self._state = state
        return self

    @classmethod
    def _given(cls, handle: Any) -> Any:
        """What a program has passed where a handle of this kind has to be.

        Raises:
            TypeError: it is none.
        """
        if not isinstance(handle, cls._kind):
            kind = cls._kind.__name__
            raise TypeError(f"expected mpi4py.MPI.{kind}, got {type(handle).__name__}")
        return handle

    def _adopt(self, other: Any) -> None:
        """Takes over what `other` denotes."""
        self._state = other._state

    def _invalidate(self) -> None:
        """Makes this handle null; its number, if it has one, is valid no more."""
        forget(self._state)
        self._state = None
        if hasattr(self, "_cell"):
            self._cell.value = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, self._kind):
            return NotImplemented
        return self._look_state() is other._look_state()

    def __bool__(self) -> bool:
        return self._look_state() is not None

    __hash__ = None  # type: ignore[assignment]  # as in mpi4py: a freed handle equals another

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = constant_name(self)
        if not name:
            raise ValueError(f"can't pickle this {type(self).__name__}: only constants travel")
        constant = _constants[name]
        return name if constant is self else (_rebuild, (type(self), constant))

    @classmethod
    def fromhandle(cls, handle: int) -> Self:
        """Wrap the handle with this number anew."""
        if handle == 0:
            return cls._wrap(None)
        try:
            state, kept = _states[handle]
        except (KeyError, TypeError):
            raise ValueError(f"{handle!r} is not the number of a handle on this node") from None
        if not issubclass(kept, cls._kind):
            raise ValueError(f"handle {handle} is a {kept.__name__}, not a {cls.__name__}")
        found = kept if issubclass(kept, cls) else cls
        self = found._wrap(None)
        self._adopt(kept._wrap(state))
        return self

    @property
    def handle(self) -> int:
        """The number of this handle on this node; 0 is null."""
        return number_of(self._look_state(), type(self))

    def toint(self) -> int:
        """Translate to the number of this handle."""
        return self.handle

    @classmethod
    def fromint(cls, arg: int, /) -> Self:
        """Translate from the number of a handle."""
        return cls.fromhandle(arg)

    def py2f(self) -> int:
        """Translate to the number that stands for this handle where Fortran would have one."""
        return self.handle

    @classmethod
    def f2py(cls, arg: int) -> Self:
        """Translate from what `py2f` gave."""
        return cls.fromhandle(arg)

    def free(self) -> None:
        """Free the handle, unless it is a constant; a freed one may be freed again."""
        if self._state is None or is_constant(self):
            return
        if id(self._state) in _constant_names:
            self._state = None
        else:
            self._release()

    def _release(self) -> None:
        """What `free` does to a live handle; kinds without a `Free` override it."""
        release = getattr(self, "Free", None)
        if release is None:
            self._invalidate()
        else:
            release()

    def _look_state(self) -> Any:
        """The state, brought up to date if somebody wrote to the handle's address."""
        if hasattr(self, "_cell") and self._cell.value != number_of(self._state, type(self)):
            self._adopt(self.fromhandle(self._cell.value))
        return self._state


def _rebuild(cls: type[Handle], constant: Handle) -> Handle:
    """The pickled wrapper of a constant again."""
    return Handle.__new__(cls, constant)


def predefine(name: str, handle: Any) -> Any:
    """Declares a handle as the constant `MPI.<name>` and returns it."""
    _constants[name] = handle
    if handle._state is not None:
        _constant_names.setdefault(id(handle._state), name)
    return handle


def constants() -> dict[str, Any]:
    """All constants declared so far, by name."""
    return dict(_constants)


def is_constant(handle: Handle) -> bool:
    """Whether this very object is a constant (another wrapper of one's state is not)."""
    return _constants.get(constant_name(handle)) is handle


def constant_name(handle: Handle) -> str:
    """The name of the constant that the handle equals; empty if there is none."""
    state = handle._state
    return handle._null if state is None else _constant_names.get(id(state), "")


def number_of(state: Any, cls: type[Handle]) -> int:
    """The number of a state, given out now if it has none."""
    if state is None:
        return 0
    with _lock:
        number = _numbers.get(id(state))
        if number is None:
            number = _numbers[id(state)] = next(_next_number)
            kept = next(c for c in cls.__mro__ if c.__module__.startswith(_OWN_MODULES))
            _states[number] = (state, kept)
        return number


def forget(state: Any) -> None:
    """Takes the number of a state away, so that nothing keeps it alive."""
    with _lock:
        number = _numbers.pop(id(state), None)
        if number is not None:
            del _states[number]


def _handleof(arg: Any) -> int:
    """The number of a handle; for a status, its address."""
    return arg.handle if isinstance(arg, Handle) else _addressof(arg)


def _addressof(arg: Any) -> int:
    """The address of 8 bytes that hold the handle's number; for a status, of its words.

    Another number written there makes the handle denote another thing, as it does in mpi4py.
    """
    if isinstance(arg, Handle):
        if not hasattr(arg, "_cell"):
            arg._cell = ctypes.c_uint64(arg.handle)
        return ctypes.addressof(arg._cell)
    words = getattr(arg, "_words", None)
    if words is None:
        raise TypeError(f"expected an MPI handle, got {type(arg).__name__}")
    address: int = words.buffer_info()[0]
    return address


def _sizeof(arg: Any) -> int:
    """How many bytes lie at a handle's address; takes a handle or its class."""
    cls = arg if isinstance(arg, type) else type(arg)
    if issubclass(cls, Handle):
        return ctypes.sizeof(ctypes.c_uint64)
    size: int | None = getattr(cls, "_byte_count", None)
    if size is None:
        raise TypeError(f"expected an MPI handle or its class, got {cls.__name__}")
    return size
