"""What stands in for Cython's own module where code runs as plain Python.

`fast_path` and what it touches can be compiled (docs/architecture.md, "The compiled copy"). There
`compiled` is true and `locals` gives variables types of C; here neither does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

compiled = False
Py_ssize_t = ulonglong = bint = object


def locals(**_types: type) -> Callable[[_Function], _Function]:  # noqa: A001  Cython's name
    """Leaves a function as it is."""
    return lambda function: function
