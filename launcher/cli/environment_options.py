"""Options of `distrcomp run` that say which packages the program finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def environment_options(function: _Function) -> _Function:
    """Adds `--with PKG`, `--requirements FILE` and `--allow-skew`."""
    packages = click.option(
        "--with",
        multiple=True,
        metavar="PKG",
        help="Run in an environment with this package, the same version on every machine.",
    )
    requirements = click.option(
        "--requirements",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="... with the packages of this file, as pip understands it.",
    )
    skew = click.option(
        "--allow-skew", is_flag=True, help="Let machines have different versions of Python."
    )
    return packages(requirements(skew(function)))
