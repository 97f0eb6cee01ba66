"""How long a whole launch takes: from the command to its end, of a program that says hello."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from . import launching
from .launching import NoFigure
from .namespaces import Network
from .stacks import start_command
from .works import DISTRCOMP, MPICH, Work

_STARTS = 5
_MANY_NODES = 64


def figures(
    work: Work, environments: Mapping[str, Path], network: Network | None, limit_s: float
) -> dict[str, dict[str, float]]:
    """Seconds of each stack, the median of some launches in turn.

    Raises:
        NoFigure: one failed.
    """
    seconds: dict[str, list[float]] = {DISTRCOMP: [], MPICH: []}
    for _ in range(1 if work.n_node >= _MANY_NODES else _STARTS):
        for stack, measured in seconds.items():
            words, extra = start_command(work, stack, environments, network)
            begin = time.perf_counter()
            said = launching.output(words, extra, limit_s)
            measured.append(time.perf_counter() - begin)
            if said.count("node ") != work.n_node:
                raise NoFigure(f"{stack}: not every node has said hello")
    return {stack: {"time": statistics.median(times)} for stack, times in seconds.items()}
