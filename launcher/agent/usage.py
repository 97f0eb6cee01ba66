"""What a process has used, by the kernel's account; also of one that is over and not yet reaped."""

from __future__ import annotations

import os
from pathlib import Path

# In /proc/PID/stat, behind the name: of the process itself and of the children it waited for.
_USED_FIELDS = slice(11, 15)


def cpu_seconds(pid: int) -> float:
    """Processor time so far, with that of children it has waited for; 0 where it is not known.

    The kernel tells it for all threads in hundredths of a second, and for the first thread exactly;
    the larger one is nearer to the truth.
    """
    ticks = sum(_numbers(pid, "stat")[_USED_FIELDS])
    first_thread = _numbers(pid, "schedstat")[:1]
    return max(ticks / os.sysconf("SC_CLK_TCK"), sum(first_thread) / 1e9)


def resident_bytes(pid: int) -> int:
    """What it has in memory now; 0 of one that is over."""
    return sum(_numbers(pid, "statm")[1:2]) * os.sysconf("SC_PAGE_SIZE")


def _numbers(pid: int, name: str) -> list[int]:
    """Those in a file of a process, behind its name; other words are 0."""
    try:
        text = Path(f"/proc/{pid}/{name}").read_text("ascii", "replace")
    except OSError:
        return []
    return [int(word) if word.isdigit() else 0 for word in text.rpartition(")")[2].split()]
