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

from ..cores import read_small, usable_cores

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  looked at, not written to


def machine_facts(root: str = "/", folder: str = ".") -> dict[str, Any]:
    """What is told of this machine; null where it can't be known.

    Args:
        root: where /proc lies.
        folder: on the disk that the agent keeps its store and the sandboxes on.
    """
    total, available = _memory(root)
    free = _free_bytes(folder)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "distrcomp": dc.__version__,
        "python": platform.python_version(),
        "numpy": _version("numpy"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": usable_cores(root),
        "load": os.getloadavg()[0],
        "memory_bytes": total,
        "memory_free_bytes": available,
        "disk_free_bytes": free,
        "open_files": None if soft == resource.RLIM_INFINITY else soft,
        "shared_memory_bytes": _total_bytes(_SHARED_MEMORY),
    }


def _memory(root: str) -> tuple[int | None, int | None]:
    """Bytes of memory in all, and of what programs may still have."""
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
