"""uv, which resolves and installs: where it is, and running it.

It is started with a list of arguments, never by a shell, and no requirement and no address is among
them: those go by files and stdin, so none can pass for an option, and none is seen by `ps`. What
it says is handed on in its own words, without the passwords of addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import re
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .. import limits
from ..errors import CannotStart, UvFailed

_PASSWORD = re.compile(r"(?<=://)[^/\s@'\"`]+@")
_OURS = ("DISTRCOMP_", "PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX")
_SETTINGS = {
    "NO_COLOR": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_WRAP": "1",
}
# An index that does not answer is found out soon: there is another way to the packages. As long as
# for pip it may be silent.
_DEFAULTS = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "5"}
_SILENCE = {"UV_HTTP_TIMEOUT": "15"}
_SILENCE_NAMES = ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")  # all mean that to uv
# A line that begins with a blank goes on with the one before it, or names a package.
_NO_PROGRESS = ("error", "warning", "hint", " ", "Using ")
_NO_SPACE = "No space left on device"
_NODE = "uv"  # what stands in its mark, and that of what it starts, in the place of a node's id


class Groups(Protocol):
    """Who sees to it that processes do not outlive us, by group and by mark: the guardian."""

    def watch_group(self, group: int) -> None: ...

    def forget_group(self, group: int) -> None: ...

    def watch_run(self, mark: str) -> None: ...

    def forget_run(self, mark: str) -> None: ...


Said = Callable[[str], Awaitable[None]]
"""Awaited with each line that tells of progress."""


def find_uv(environ: Mapping[str, str]) -> str:
    """The program: of this installation, or on the path.

    Raises:
        CannotStart: it is not there; says what to do.
    """
    with contextlib.suppress(ImportError, AttributeError, FileNotFoundError):
        return str(importlib.import_module("uv").find_uv_bin())
    found = shutil.which("uv", path=environ.get("PATH"))
    if found is None:
        raise CannotStart(
            "uv, which builds the environments of programs, is not installed: "
            "pip install 'distrcomp[env]'"
        )
    return found


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for uv: the user's own, but for those that would have it work elsewhere."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
    without_cache = {} if _may_keep(environ) else {"UV_NO_CACHE": "1"}
    silence = {} if any(name in environ for name in _SILENCE_NAMES) else _SILENCE
    return {**_DEFAULTS, **silence, **kept, **_SETTINGS, **without_cache}


def _may_keep(environ: Mapping[str, str]) -> bool:
    """Whether there is a folder in which uv can keep what it has fetched; else it would fail."""
    chosen = environ.get("UV_CACHE_DIR") or environ.get("XDG_CACHE_HOME") or environ.get("HOME")
    if not chosen:
        return False
    folder = Path(chosen)
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return os.access(there, os.W_OK)


async def run_uv(
    arguments: Sequence[str],
    folder: Path,
    said: Said,
    groups: Groups,
    stdin: str = "",
) -> str:
    """Runs uv to its end; what it printed to stdout.

    Args:
        folder: where it works.
        groups: watches over it: until its process group is known, by a mark that it bears.

    Raises:
        UvFailed: in its own words.
        CannotStart: it can't be started, or the disk is full.
    """
    number = secrets.token_hex(limits.RUN_ID_BYTES)
    mark = f"{number} {_NODE}"
    groups.watch_run(mark)
    try:
        process = await asyncio.create_subprocess_exec(
            find_uv(os.environ),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={
                **uv_environment(os.environ),
                "DISTRCOMP_RUN_ID": number,
                "DISTRCOMP_NODE_ID": _NODE,
            },
            start_new_session=True,
        )
    except OSError as error:
        groups.forget_run(mark)
        raise CannotStart(f"uv cannot be started: {error.strerror}") from error
    groups.watch_group(process.pid)
    try:
        printed, lines, _ = await asyncio.gather(
            _all_of(process.stdout), _lines_of(process.stderr, said), _feed(process.stdin, stdin)
        )
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        groups.forget_group(process.pid)
        groups.forget_run(mark)
    if code != 0:
        words = words_of(lines)
        if _NO_SPACE in words:
            raise CannotStart(
                f"no space left on {folder}, or where uv keeps things: free some and run again; "
                f"uv says:\n{words}"
            )
        raise UvFailed(words or f"it ended with code {code} and said nothing")
    return printed.decode("utf-8", "replace")


def words_of(lines: Sequence[str]) -> str:
    """What uv says of its failure: its error alone, without passwords, up to a bound.

    Example:
        >>> words_of(["Resolved 1 package", "error: no https://me:secret@host/"])
        'error: no https://***@host/'
    """
    first = next((n for n, line in enumerate(lines) if line.startswith(("error", "  \u00d7"))), 0)
    text = "\n".join(lines[first:]).strip()
    return _PASSWORD.sub("***@", text)[: limits.UV_WORDS_CHARACTERS_MAX]


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


async def _lines_of(stream: asyncio.StreamReader | None, said: Said) -> list[str]:
    """The last lines, up to a bound; those of progress are handed on as they come."""
    lines: list[str] = []
    async for line in _each_line(stream):
        if line.strip() and not line.startswith(_NO_PROGRESS):
            await said(_PASSWORD.sub("***@", line.strip()))
        lines.append(line)
        if len(lines) > limits.UV_LINES_MAX:
            del lines[0]
    return lines


async def _each_line(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    rest = b""
    while stream is not None and (data := await stream.read(limits.OUTPUT_PART_BYTES)):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        rest = rest[-limits.OUTPUT_PART_BYTES :]
    if rest:
        yield rest.decode("utf-8", "replace")


async def _feed(stream: asyncio.StreamWriter | None, text: str) -> None:
    if stream is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.write(text.encode())
            await stream.drain()
        stream.close()
