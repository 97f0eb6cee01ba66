"""Sending back what a program has written.

A node's folders are the one it started in, which nodes of a machine share, and its own output
folder below that. A file in a shared one is sent as the lowest node's, so it is sent once.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from distrcomp.output_folder import OUTPUT_FOLDER

from .. import limits
from ..control import files as f
from ..errors import BadManifest
from ..records import record
from ..ship.manifest import check_path, shown
from ..ship.patterns import Patterns
from .sandbox import Sandbox

Tell = Callable[[Any], Awaitable[None]]


@record
class Found:
    """A file to send: where it lies in the sandbox, and what it is to the launcher."""

    path: str
    node: int
    name: str
    size: int


async def send_files(
    sandbox: Sandbox, folders: Mapping[int, str], patterns: Patterns, tell: Tell
) -> None:
    """Sends what the patterns mean, and then FilesSent. No node may be left.

    Args:
        sandbox: where the files lie.
        folders: the folder in it in which each node has started, in the order of the nodes; "" for
            the sandbox itself.
        patterns: which files, relative to a node's folder.
        tell: sends to the launcher.
    """
    found, problems = await asyncio.to_thread(_find, sandbox, folders, patterns)
    for file in found:
        try:
            await _send(sandbox, file, tell)
        except OSError as error:
            problems[f"{shown(file.name)} cannot be read: {error.strerror}"] += 1
        else:
            sandbox.kept.add(file.path)
    shown_problems = list(problems)[: limits.PROBLEMS_TOLD_MAX]
    await tell(f.FilesSent(tuple(shown_problems)))


def _find(
    sandbox: Sandbox, folders: Mapping[int, str], patterns: Patterns
) -> tuple[list[Found], Counter[str]]:
    found: dict[tuple[int, str], Found] = {}
    problems: Counter[str] = Counter()
    total_bytes = 0
    for path, status in sandbox.written():
        owned = _owned(path, folders)
        if owned is None or not patterns.match(owned[1]):
            continue
        try:
            check_path(owned[1])
        except BadManifest as error:
            problems[str(error)] += 1
            continue
        total_bytes += status.st_size
        if len(found) >= limits.COLLECTED_FILES_MAX or total_bytes > limits.COLLECTED_BYTES_MAX:
            problems["there are more files, or larger ones, than can be brought back"] += 1
            break
        twin = found.get(owned)
        if twin is not None:
            problems[
                f"{shown(owned[1])} lies in the folder of all nodes, and in the output folder of "
                f"node {owned[0]}, which was brought back"
            ] += 1
        if twin is None or len(path) > len(twin.path):
            found[owned] = Found(path, *owned, status.st_size)
    return list(found.values()), problems


def _owned(path: str, folders: Mapping[int, str]) -> tuple[int, str] | None:
    """The node whose file this is, and its path in that node's folder; None: it is nobody's."""
    inside = PurePosixPath(path)
    for node, folder in folders.items():
        own = PurePosixPath(folder, OUTPUT_FOLDER, str(node))
        if inside.is_relative_to(own):
            return node, inside.relative_to(own).as_posix()
    holders = [node for node, folder in folders.items() if inside.is_relative_to(folder)]
    if not holders:
        return None
    nearest = max(holders, key=lambda node: len(PurePosixPath(folders[node]).parts))
    return nearest, inside.relative_to(folders[nearest]).as_posix()


async def _send(sandbox: Sandbox, file: Found, tell: Tell) -> None:
    """Sends one file, no more of it than there was when it was found."""
    digest, rest = hashlib.sha256(), file.size
    descriptor = sandbox.open_file(file.path)
    try:
        while rest:
            data = await asyncio.to_thread(os.read, descriptor, min(rest, limits.SHIP_CHUNK_BYTES))
            if not data:
                break
            digest.update(data)
            rest -= len(data)
            await tell(f.FilePart(file.node, file.name, data, False, b""))
    finally:
        os.close(descriptor)
    await tell(f.FilePart(file.node, file.name, b"", True, digest.digest()))
