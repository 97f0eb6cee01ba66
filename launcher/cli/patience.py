"""A line for who waits, where nothing else is shown yet."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import click

from .. import limits

REACHING = (
    "not all peers have answered yet; one that is silent is given up after "
    f"{limits.CONNECT_TIMEOUT_S:g} s"
)
READING = "reading the files that are to be shipped"


@contextlib.asynccontextmanager
async def said_if_slow(text: str, *, is_quiet: bool = False) -> AsyncIterator[None]:
    """Says it on a terminal when what goes on inside has taken SAID_AFTER_S."""
    if is_quiet or not _is_looked_at():
        yield
        return
    told = asyncio.get_running_loop().call_later(limits.SAID_AFTER_S, _say, text)
    try:
        yield
    finally:
        told.cancel()


@contextlib.contextmanager
def said_if_busy(text: str, *, is_quiet: bool = False) -> Iterator[None]:
    """The same where this thread itself is at work, and no loop turns."""
    if is_quiet or not _is_looked_at():
        yield
        return
    told = threading.Timer(limits.SAID_AFTER_S, _say, [text])
    told.daemon = True
    told.start()
    try:
        yield
    finally:
        told.cancel()


def _is_looked_at() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _say(text: str) -> None:
    click.echo(f"distrcomp: {text}", err=True)
