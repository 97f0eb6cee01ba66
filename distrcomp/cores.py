"""How many cores this process may use: its affinity, cut by the CPU quota of its cgroups."""

from __future__ import annotations

import os

_V2_FOLDERS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_V1_FOLDERS = ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct")


def usable_cores(root: str = "/") -> int:
    """How many cores this process may use, at least 1; of a quota of 2.5 cores it is 2.

    Args:
        root: where /proc and /sys lie.
    """
    n_core = _allowed_cores()
    quota = cpu_quota(root)
    return n_core if quota is None else max(1, min(n_core, int(quota)))


def have_a_core_each(n_process: int, root: str = "/") -> bool:
    """Whether this process may use as many cores; no file is read where its affinity says no."""
    return _allowed_cores() >= n_process and usable_cores(root) >= n_process


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: str = "/") -> float | None:
    """The tightest CPU quota among this process's cgroups, in cores; None where there is none.

    A quota may stand at any cgroup on the way to the root, and whatever is missing, unreadable or
    strange there is none. In a container that sees the host's paths, its own quota is the root's.
    """
    quotas: list[float | None] = []
    for line in read_small(root, "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            quotas += [_quota_v2(root, folder) for folder in cgroup_folders(_V2_FOLDERS, path)]
        elif "cpu" in controllers.split(","):
            quotas += [_quota_v1(root, folder) for folder in cgroup_folders(_V1_FOLDERS, path)]
    return min((quota for quota in quotas if quota is not None), default=None)


def cgroup_folders(mounts: tuple[str, ...], path: str) -> list[str]:
    """The cgroup at `path` and all above it, wherever the tree of cgroups may be mounted."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts:  # a cgroup outside of what is shown here
        parts = []
    lengths = range(len(parts), -1, -1)
    return [os.path.join(mount, *parts[:length]) for mount in mounts for length in lengths]


def _quota_v2(root: str, folder: str) -> float | None:
    words = read_small(root, folder, "cpu.max").split()
    return _ratio(*words) if len(words) == 2 else None


def _quota_v1(root: str, folder: str) -> float | None:
    quota = read_small(root, folder, "cpu.cfs_quota_us")
    return _ratio(quota, read_small(root, folder, "cpu.cfs_period_us")) if quota else None


def _ratio(quota: str, period: str) -> float | None:
    """`quota` microseconds of CPU in each `period`; "max" or -1 is no quota."""
    try:
        quota_us, period_us = int(quota), int(period)
        return quota_us / period_us if quota_us > 0 and period_us > 0 else None
    except (ValueError, OverflowError):
        return None


def read_small(*path: str) -> str:
    """The beginning of a small file; nothing where it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as file:
            return file.read(2**16)
    except (OSError, ValueError):
        return ""
