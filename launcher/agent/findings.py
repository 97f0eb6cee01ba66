"""What an agent tells of nodes that are looked at, and of those that failed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import distrcomp

from .. import limits
from ..control import looks
from ..control import messages as m
from ..environment.need import OWN_FOLDER
from .memory_watch import Kills, memory_evidence
from .node_process import NodeProcess

# distrcomp as the nodes of an environment import it.
_OF_ENVIRONMENT = re.compile(rf'"[^"\n]*/{OWN_FOLDER}/distrcomp/')


async def stacks_of(
    nodes: Sequence[NodeProcess], folders: Mapping[int, str]
) -> tuple[looks.NodeStacks, ...]:
    """Where these nodes are: paths as their user knows them, and not too much of it all.

    Args:
        folders: in which each was started.
    """
    taken = await asyncio.gather(*(node.take_stacks() for node in nodes))
    bytes_max = limits.STACKS_OF_PEER_BYTES_MAX // max(1, len(nodes))
    return tuple(
        looks.NodeStacks(node.node, _cut(_known_paths(text, folders[node.node]), bytes_max), why)
        for node, (text, why) in zip(nodes, taken, strict=True)
    )


def findings(
    node: NodeProcess, number: int | None, failed_at: float, kills: Kills, folder: str
) -> m.NodeFindings:
    """What is found at a node that did not end well.

    Args:
        number: the signal that ended it.
        failed_at: when it said that it had failed; inf if it did not.
        kills: the kernel's counts when the run began.
        folder: in which it was started.
    """
    death = node.death
    if death is None:
        raise RuntimeError("a node that lives is asked for its end")
    lacked = number == signal.SIGKILL and not death.is_killed_here
    memory = memory_evidence(kills, death.peak_bytes) if lacked else ""
    crash = _known_paths(death.crash, folder)
    return m.NodeFindings(node.node, min(death.at, failed_at), memory, crash)


def _cut(text: str, bytes_max: int) -> str:
    return text.encode(errors="replace")[:bytes_max].decode(errors="ignore")


def _known_paths(text: str, folder: str) -> str:
    """Paths below the folder in which the nodes started, and of distrcomp itself, made short."""
    package = f'"{Path(distrcomp.__file__).parent}{os.sep}'
    text = text.replace(f'"{folder}{os.sep}', '"').replace(package, '"distrcomp/')
    return _OF_ENVIRONMENT.sub('"distrcomp/', text)
