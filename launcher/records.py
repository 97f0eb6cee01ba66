"""Frozen dataclasses that cost nothing until one is made.

`dataclass` compiles the methods of each class, a quarter of a millisecond. The launcher knows some
hundred records and every run waits until it is loaded; most runs use a few of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

_Record = TypeVar("_Record")
_lock = threading.Lock()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_Record]) -> type[_Record]:
    """Makes a frozen dataclass of `cls`, once the first of its kind is made.

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
                del cls.__init__
                dataclass(frozen=True)(cls)
        self.__init__(*values, **named)

    cls.__init__ = first  # type: ignore[method-assign]
    return cls
