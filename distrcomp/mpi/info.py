# ruff: noqa: N802
"""Info: hints, as strings by keys, with the methods of a dictionary."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import distrcomp

from .constants import MAX_INFO_KEY, MAX_INFO_VAL
from .errors import (
    ERR_ARG,
    ERR_INFO,
    ERR_INFO_KEY,
    ERR_INFO_NOKEY,
    ERR_INFO_VALUE,
    MPIException,
)
from .handles import Handle, is_constant, predefine

_Items = Mapping[str, str] | Iterable[tuple[str, str]]


class _Hints(dict[str, str]):
    """What an info object is; INFO_ENV is filled when it is first looked at."""

    __slots__ = ("__weakref__", "fill")

    fill: Callable[[], dict[str, str]] | None


class Info(Handle, null="INFO_NULL"):
    """Info object."""

    __slots__ = ()

    _state: _Hints | None

    def __new__(cls, info: Info | None = None) -> Self:
        """The null info, or another handle of one."""
        return super().__new__(cls, info)

    @classmethod
    def _of(cls, items: Any = (), fill: Callable[[], dict[str, str]] | None = None) -> Self:
        hints = _Hints(items)
        hints.fill = fill
        return cls._wrap(hints)

    @property
    def _hints(self) -> _Hints:
        hints = self._state
        if hints is None:
            raise MPIException(ERR_INFO, "this is the null info")
        if hints.fill is not None:
            hints.update(hints.fill())
            hints.fill = None
        return hints

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._state is None or self._state is INFO_ENV._state:
            return super().__reduce__()
        return (_with_items, (type(self), self.items()))

    @classmethod
    def Create(cls, items: Info | _Items | None = None) -> Self:
        """Create an info object, with these items."""
        info = cls._of()
        if items is not None:
            info.update(items)
        return info

    @classmethod
    def Create_env(cls, args: Sequence[str] | None = None) -> Self:
        """Create an info object that describes how this program was started."""
        given = [args] if isinstance(args, str) else list(args or ())
        return cls._of(_environment(given))

    def Free(self) -> None:
        """Free the info object."""
        if self._state is None or is_constant(self):
            raise MPIException(ERR_INFO, "neither INFO_NULL nor INFO_ENV can be freed")
        self._invalidate()

    def Dup(self) -> Self:
        """Duplicate the info object, with its items in the same order."""
        return type(self)._of(self._hints)

    def Get(self, key: str) -> str | None:
        """Get the value of a key, None without one."""
        return self._hints.get(_key(key))

    def Set(self, key: str, value: str) -> None:
        """Set the value of a key."""
        hints = self._hints
        if len(_text(value)) >= MAX_INFO_VAL:
            raise MPIException(ERR_INFO_VALUE, f"a value of {len(value)} characters is too long")
        hints[_key(key)] = value

    def Delete(self, key: str) -> None:
        """Remove a key and its value."""
        if self._hints.pop(_key(key), None) is None:
            raise MPIException(ERR_INFO_NOKEY, f"there is no key {key!r}")

    def Get_nkeys(self) -> int:
        """Return the number of keys."""
        return len(self._hints)

    def Get_nthkey(self, n: int) -> str:
        """Return the n-th key, from 0 and in the order of setting."""
        keys = list(self._hints)
        if not 0 <= n < len(keys):
            raise MPIException(ERR_ARG, f"there is no key {n} among {len(keys)}")
        return keys[n]

    def __len__(self) -> int:
        return len(self._hints) if self else 0

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return bool(self) and key in self._hints

    def __getitem__(self, key: str) -> str:
        if key not in self:
            raise KeyError(key)
        return self._hints[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._need(key)
        self.Set(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.Delete(key)

    def get(self, key: str, default: str | None = None) -> str | None:
        """Get the value of a key, or the default."""
        return self._hints[key] if key in self else default

    def keys(self) -> list[str]:
        """Return the list of keys."""
        return list(self._hints) if self else []

    def values(self) -> list[str]:
        """Return the list of values."""
        return list(self._hints.values()) if self else []

    def items(self) -> list[tuple[str, str]]:
        """Return the list of keys and values."""
        return list(self._hints.items()) if self else []

    def update(self, items: Info | _Items = (), **kwds: str) -> None:
        """Set many keys, from a mapping, pairs or keywords."""
        self._need("update")
        listed = items.items() if isinstance(items, (Info, Mapping)) else items
        for key, value in (*listed, *kwds.items()):
            self.Set(key, value)

    def pop(self, key: str, *default: str) -> str:
        """Remove a key and return its value, or the default."""
        if key in self:
            return self._hints.pop(key)
        if default:
            return default[0]
        raise KeyError(key)

    def popitem(self) -> tuple[str, str]:
        """Remove the last key and return it with its value."""
        self._need("popitem")
        return self._hints.popitem()

    def copy(self) -> Self:
        """Copy the info object."""
        return self.Dup() if self else type(self)()

    def clear(self) -> None:
        """Remove all keys."""
        if self:
            self._hints.clear()

    def _need(self, key: str) -> None:
        """What a dictionary raises where the null info has nothing to put a key into."""
        if not self:
            raise KeyError(key)


def _with_items(cls: type[Info], items: list[tuple[str, str]]) -> Info:
    """A pickled info again."""
    return cls._of(items)


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"info takes str, not {type(text).__name__}")
    return text


def _key(key: str) -> str:
    if not 0 < len(_text(key)) < MAX_INFO_KEY:
        raise MPIException(ERR_INFO_KEY, f"a key has 1 to {MAX_INFO_KEY - 1} characters")
    return key


def _environment(args: Sequence[str] = ()) -> dict[str, str]:
    """How this program was started, by the keys that MPI names."""
    argv = list(args) or [sys.executable, *sys.argv]
    return {
        "command": argv[0],
        "argv": " ".join(argv[1:]),
        "maxprocs": str(distrcomp.n_node),
        "host": platform.node(),
        "arch": platform.machine(),
        "wdir": os.getcwd(),
        "thread_level": "MPI_THREAD_MULTIPLE",
    }


INFO_NULL: Info = predefine("INFO_NULL", Info())
INFO_ENV: Info = predefine("INFO_ENV", Info._of(fill=_environment))
