"""What a machine is like: versions, cores, memory, disk, limits; from /proc and the library."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import resource
import shutil
from typing import Any

import distrcomp as dc

from ..cores import cgroup_folders, read_small, usable_cores

_V2_FOLDERS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
_V1_FOLDERS = {name: (f"sys/fs/cgroup/{name}",) for name in ("memory", "pids")}
_LIBRARIES = ("numpy", "cloudpickle", "msgpack")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  looked at, not written to


def machine_facts(root: str = "/", folder: str = ".") -> dict[str, Any]:
    """What is told of this machine; null where it can't be known.

    Args:
        root: where /proc and /sys lie.
        folder: on the disk that the agent keeps its store and the sandboxes on.
    """
    total, available = _memory(root)
    free = _free_bytes(folder)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "distrcomp": dc.__version__,
        "python": platform.python_version(),
        "libraries": {package: _version(package) for package in _LIBRARIES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": usable_cores(root),
        "load": os.getloadavg()[0],
        "memory_bytes": total,
        "memory_free_bytes": available,
        "disk_free_bytes": free,
        "open_files": None if soft == resource.RLIM_INFINITY else soft,
        "processes_free": _processes_free(root),
        "shared_memory_bytes": _total_bytes(_SHARED_MEMORY),
    }


def _memory(root: str) -> tuple[int | None, int | None]:
    """Bytes of memory in all, and of what programs may still have: the machine's, cut by cgroups.

    Of what a cgroup uses, files that were not touched of late make room when it is wanted.
    """
    total, free = _memory_of_machine(root)
    for folder, is_v2 in _groups(root, "memory"):
        limit = _number(root, folder, "memory.max" if is_v2 else "memory.limit_in_bytes")
        used = _number(root, folder, "memory.current" if is_v2 else "memory.usage_in_bytes")
        if limit is None:
            continue
        total = limit if total is None else min(total, limit)
        if used is not None:
            files = _field(root, folder, "inactive_file" if is_v2 else "total_inactive_file")
            left = max(0, limit - used + min(used, files))
            free = left if free is None else min(free, left)
    if total is not None and free is not None:
        free = min(free, total)
    return total, free


def _processes_free(root: str) -> int | None:
    """How many processes and threads its cgroups let it start; None where they have no say."""
    found = []
    for folder, _ in _groups(root, "pids"):
        limit, used = (_number(root, folder, f"pids.{name}") for name in ("max", "current"))
        if limit is not None and used is not None:
            found.append(max(0, limit - used))
    return min(found, default=None)


def _groups(root: str, controller: str) -> list[tuple[str, bool]]:
    """The cgroups of this process that a controller may limit; whether each is of version 2."""
    found: list[tuple[str, bool]] = []
    for line in read_small(root, "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            found += [(folder, False) for folder in cgroup_folders(_V1_FOLDERS[controller], path)]
        elif number == "0" and not controllers:
            found += [(folder, True) for folder in cgroup_folders(_V2_FOLDERS, path)]
    return found


def _number(root: str, folder: str, name: str) -> int | None:
    text = read_small(root, folder, name).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _field(root: str, folder: str, name: str) -> int:
    """A line of memory.stat; 0 where it does not stand there."""
    for line in read_small(root, folder, "memory.stat").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return 0


def _memory_of_machine(root: str) -> tuple[int | None, int | None]:
    found: dict[str, int] = {}
    for line in read_small(root, "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[0].isdigit() and words[1] == "kB":
            found[name] = int(words[0]) * 1024
    return found.get("MemTotal"), found.get("MemAvailable")


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _free_bytes(folder: str) -> int | None:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def _total_bytes(folder: str) -> int | None:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).total
    return None
