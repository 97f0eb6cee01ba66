"""Whether a node that was killed was killed for lack of memory, as far as there is evidence.

The kernel counts whom it kills for memory: for each control group, and for the whole machine. Both
counts are read before and after; beside them stands what the node had used at most, and what it
could have had.
"""

from __future__ import annotations

from distrcomp.cores import cgroup_folders, read_small

from .. import limits
from ..records import record

_V2_FOLDERS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_V1_FOLDERS = ("sys/fs/cgroup/memory",)


@record
class Kills:
    """How many processes the kernel has killed for lack of memory so far.

    Attributes:
        group: in the control group of this process; None where it does not say.
        machine: on the whole machine; None where it does not say.
    """

    group: int | None
    machine: int | None


def read_kills(root: str = "/") -> Kills:
    """The kernel's counts now; `root` is where /proc and /sys lie."""
    group = None
    for folder, is_v2 in _groups(root):
        name = "memory.events" if is_v2 else "memory.oom_control"
        group = _number(read_small(root, folder, name), "oom_kill")
        if group is not None:
            break
    return Kills(group, _number(read_small(root, "proc/vmstat"), "oom_kill"))


def memory_limit(root: str = "/") -> int | None:
    """The bytes that processes here may use together: the tightest limit on the way to the root."""
    total_kib = _number(read_small(root, "proc/meminfo"), "MemTotal:")
    found = [] if total_kib is None else [total_kib * limits.KIB]
    for folder, is_v2 in _groups(root):
        text = read_small(root, folder, "memory.max" if is_v2 else "memory.limit_in_bytes").strip()
        if text.isdigit():
            found.append(int(text))
    return min(found, default=None)


def evidence(before: Kills, after: Kills, peak_bytes: int, limit_bytes: int | None) -> str:
    """Why a process that was killed lacked memory most likely; "" where nothing speaks for it.

    Args:
        peak_bytes: what it had used at most.
        limit_bytes: what it could have used.

    Example:
        >>> evidence(Kills(0, 4), Kills(1, 5), 2**30, 2**30)
        "the kernel has killed for lack of memory in this control group; it had 1.0 of 1.0 GiB"
    """
    gib = f"{peak_bytes / limits.GIB:.1f}"
    had = (
        f"it had {gib} GiB"
        if limit_bytes is None
        else (f"it had {gib} of {limit_bytes / limits.GIB:.1f} GiB")
    )
    share = 0.0 if not limit_bytes else peak_bytes / limit_bytes
    if _grew(before.group, after.group):
        return f"the kernel has killed for lack of memory in this control group; {had}"
    if _grew(before.machine, after.machine) and share >= limits.MEMORY_SHARE_SUSPICIOUS:
        return f"the kernel has killed for lack of memory on this machine; {had}"
    if share >= limits.MEMORY_SHARE_NEAR_LIMIT:
        return had
    return ""


def memory_evidence(before: Kills, peak_bytes: int) -> str:
    """The same, as the kernel tells it now."""
    return evidence(before, read_kills(), peak_bytes, memory_limit())


def _grew(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


def _groups(root: str) -> list[tuple[str, bool]]:
    """The control groups of this process that may know of memory, its own first; whether each is
    of version 2."""
    found: list[tuple[str, bool]] = []
    for line in read_small(root, "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            found += [(folder, False) for folder in cgroup_folders(_V1_FOLDERS, path)]
        elif number == "0" and not controllers:
            found += [(folder, True) for folder in cgroup_folders(_V2_FOLDERS, path)]
    return found


def _number(text: str, name: str) -> int | None:
    """The number behind `name` in lines of names and numbers."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
