"""What the MPI module does to the names that it has collected.

Classes and functions say that they are MPI's own: constants pickle by that, and tracebacks read
`MPI.Exception`. Each docstring begins with the call that it describes, as mpi4py's do and as its
tests demand.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

_BEGUN = re.compile(r"\w+\(.*\)\n")


def settle(module: str, names: dict[str, Any]) -> None:
    """Makes what `names` hold the module's own; that of `mpi4py` where the face stands for it."""
    if sys.modules.get("mpi4py") is sys.modules[__package__]:
        module = "mpi4py.MPI"
    for name, value in names.items():
        if isinstance(value, type):
            _settle_class(module, value)
        elif isinstance(value, FunctionType) and value.__module__.startswith(__package__):
            value.__module__ = module
            _begin_with_call(value, name)


def _settle_class(module: str, cls: type) -> None:
    if not cls.__module__.startswith(__package__) or cls.__module__ == module:
        return
    for base in cls.__mro__:  # mixins are no names of the module, their methods are
        if base.__module__.startswith(__package__):
            for name, value in vars(base).items():
                _settle_member(name, value)
    cls.__module__ = module
    text = inspect.cleandoc(cls.__doc__ or "")
    cls.__doc__ = text if text.endswith(".") else f"{text}\n\nIts calls are those of mpi4py 4.1."


def _settle_member(name: str, member: Any) -> None:
    if isinstance(member, (classmethod, staticmethod)):
        _begin_with_call(member.__func__, name)
    elif isinstance(member, FunctionType):
        _begin_with_call(member, name)
    elif isinstance(member, property) and member.__doc__ and "\n" not in member.__doc__:
        member.__doc__ = f"{name}\n{member.__doc__}"


def _begin_with_call(function: Callable[..., Any], name: str) -> None:
    """Puts `name(arguments)` before the docstring, once."""
    text = function.__doc__
    code = getattr(function, "__code__", None)
    if not text or code is None:
        return
    begun = _BEGUN.match(text)
    count = code.co_argcount + code.co_kwonlyargcount
    call = begun.group() if begun else f"{name}({', '.join(code.co_varnames[:count])})\n"
    function.__doc__ = call + inspect.cleandoc(text[begun.end() :] if begun else text)
