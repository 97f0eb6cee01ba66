"""A line for who waits, where nothing else is shown yet."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import click

from .. import limits

REACHING = (
    "not all peers have answered yet; one that is silent is given up after "
    f"{limits.CONNECT_TIMEOUT_S:g} s"
)


@contextlib.asynccontextmanager
async def said_if_slow(text: str, *, is_quiet: bool = False) -> AsyncIterator[None]:
    """Says it on a terminal when what goes on inside has taken SAID_AFTER_S."""
    if is_quiet or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    line = f"distrcomp: {text}"
    told = asyncio.get_running_loop().call_later(
        limits.SAID_AFTER_S, lambda: click.echo(line, err=True)
    )
    try:
        yield
    finally:
        told.cancel()
