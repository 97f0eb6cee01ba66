"""The option `--version`, which also tells a compiled copy from a plain one, and what is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

import distrcomp

_Function = TypeVar("_Function", bound=Callable[..., Any])


def version_option(function: _Function) -> _Function:
    """Adds it to a command."""
    return click.option(
        "--version",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_print_version,
        help="Print the version, and what was found here, and exit.",
    )(function)


def _print_version(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or ctx.resilient_parsing:
        return
    from .found import found_lines, is_compiled

    click.echo(f"distrcomp, version {distrcomp.__version__}{', compiled' if is_compiled() else ''}")
    for line in found_lines():
        click.echo(line)
    ctx.exit()
