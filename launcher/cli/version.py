"""The option `--version`, which also tells a compiled copy from a plain one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

import click

import distrcomp

_Function = TypeVar("_Function", bound=Callable[..., Any])


def version_option(function: _Function) -> _Function:
    """Adds it to a command."""
    name = "" if _is_plain() else ", compiled"
    return click.version_option(distrcomp.__version__ + name, prog_name="distrcomp")(function)


def _is_plain() -> bool:
    hot = find_spec("distrcomp.fast_path")  # imports nothing
    return hot is None or hot.origin is None or hot.origin.endswith((".py", ".pyc"))
