"""Frozen dataclasses whose methods are not compiled.

`dataclass` writes source for the methods of each class and compiles it, half a millisecond. The
launcher knows some hundred records, and every run waits until it is loaded. Here all records share
their methods, and only the fields are looked up, once the first of a kind is made. To `dataclasses`
(`fields`, `replace`, `asdict`) they are what it has made itself. None inherits from another, whose
fields may not have been looked up yet.
"""

from __future__ import annotations

import threading
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, NamedTuple, NoReturn, TypeVar, dataclass_transform

_Record = TypeVar("_Record")
_lock = threading.Lock()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_Record]) -> type[_Record]:
    """Makes a frozen dataclass of `cls`.

    Example:
        >>> @record
        ... class Place:
        ...     name: str
        ...     slots: int = 1
        >>> Place("h1")
        Place(name='h1', slots=1)
    """

    def first(self: Any, *values: Any, **named: Any) -> None:
        with _lock:
            if cls.__dict__.get("__init__") is first:
                _look_up_fields(cls)
        self.__init__(*values, **named)

    of_record: Any = cls
    of_record.__init__ = first
    of_record.__repr__ = _repr
    of_record.__eq__ = _eq
    of_record.__hash__ = _hash
    of_record.__setattr__ = _setattr
    of_record.__delattr__ = _delattr
    return cls


class _Fields(NamedTuple):
    """What `__init__` has to know: all names in order, and how to come by those not given."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    factories: dict[str, Any]
    shown: tuple[str, ...]


def _look_up_fields(cls: Any) -> None:
    documentation = cls.__doc__
    cls.__doc__ = documentation or cls.__name__  # else dataclass would look up how it is called
    dataclass(init=False, repr=False, eq=False)(cls)
    cls.__doc__ = documentation
    all_fields: tuple[Field[Any], ...] = fields(cls)
    cls.__record__ = _Fields(
        tuple(each.name for each in all_fields),
        {each.name: each.default for each in all_fields if each.default is not MISSING},
        {
            each.name: each.default_factory
            for each in all_fields
            if each.default_factory is not MISSING
        },
        tuple(each.name for each in all_fields if each.repr),
    )
    cls.__init__ = _init


def _init(self: Any, *values: Any, **named: Any) -> None:
    names, defaults, factories, _ = self.__record__
    given = self.__dict__
    given.update(zip(names, values, strict=False))
    for name in names[len(values) :]:
        if name in named:
            given[name] = named.pop(name)
        elif name in defaults:
            given[name] = defaults[name]
        elif name in factories:
            given[name] = factories[name]()
        else:
            who = type(self).__qualname__
            raise TypeError(f"{who}.__init__() missing 1 required positional argument: {name!r}")
    if named or len(values) > len(names):
        surplus = repr(next(iter(named))) if named else f"{len(values)} values"
        raise TypeError(f"{type(self).__qualname__}.__init__() has no place for {surplus}")


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__record__.shown)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return self.__dict__ == other.__dict__


def _hash(self: Any) -> int:
    return hash(tuple(self.__dict__.values()))


def _setattr(_self: Any, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
