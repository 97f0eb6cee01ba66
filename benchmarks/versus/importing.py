"""What `import distrcomp` costs a Python that does nothing else."""

from __future__ import annotations

import statistics
import sys
import time

from . import launching
from .works import DISTRCOMP, PYTHON

_STARTS = 10
_CODES = {DISTRCOMP: "import distrcomp", PYTHON: "pass"}
# The peak of this program alone: what wait4 tells of a child includes its time as a copy of us.
_PEAK = """
with open("/proc/self/status") as status:
    peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print('{"memory": %f}' % (peak_kib / 1024))
"""


def figures(limit_s: float) -> dict[str, dict[str, float]]:
    """Seconds and peak memory in MiB of both, each the median of some starts in turn.

    Raises:
        NoFigure: one failed.
    """
    seconds: dict[str, list[float]] = {who: [] for who in _CODES}
    memory: dict[str, list[float]] = {who: [] for who in _CODES}
    for _ in range(1 + _STARTS):
        for who, code in _CODES.items():
            begin = time.perf_counter()
            launching.output([sys.executable, "-c", code], {}, limit_s)
            seconds[who].append(time.perf_counter() - begin)
            peak = launching.figures([sys.executable, "-c", code + _PEAK], {}, limit_s)
            memory[who].append(peak["memory"])
    return {
        who: {"time": statistics.median(seconds[who][1:]), "memory": statistics.median(memory[who])}
        for who in _CODES
    }
