"""What `--version` tells of this installation: it looks and imports nothing heavy."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import shutil
import sys
from importlib.util import find_spec

_EXTRAS = (("mpi4py", "mpi"), ("uv", "env"), ("zeroconf", "discover"))
"""Packages that are of use where they are, and the extra that brings each."""


def is_compiled() -> bool:
    """Whether the hot modules are the compiled copy."""
    hot = find_spec("distrcomp.fast_path")  # imports nothing
    return hot is not None and bool(hot.origin) and not str(hot.origin).endswith((".py", ".pyc"))


def found_lines() -> list[str]:
    """One line for each thing that a run's speed, or what it can do, depends on."""
    copy = "compiled" if is_compiled() else "plain Python (DISTRCOMP_COMPILE=1 compiles it)"
    return [
        f"Python    {platform.python_version()}, {sys.executable}",
        f"numpy     {_version('numpy') or 'not found'}",
        f"copy      {copy}",
        f"links     {', '.join(_links())}",
        f"extras    {', '.join(_extra(package, extra) for package, extra in _EXTRAS)}",
    ]


def _version(package: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _extra(package: str, extra: str) -> str:
    found = _version(package)
    if found is None and package == "uv" and shutil.which("uv") is not None:
        return "uv (on the path)"
    return f"{package} {found}" if found else f"{package} not found (extra: {extra})"


def _links() -> list[str]:
    """What carries messages between nodes on this machine, and away from it."""
    why_not = _shared_memory_refused()
    memory = "shared memory" if not why_not else f"no shared memory ({why_not})"
    why_not = _copy_refused()
    copy = "process_vm_readv" if not why_not else f"no process_vm_readv ({why_not})"
    return [memory, copy, "TCP"]


def _shared_memory_refused() -> str:
    """Why nodes of this machine can't share memory; empty if they can."""
    from ..agent.shared import share

    with share(2) as shared:
        return shared.why_not


def _copy_refused() -> str:
    """Why no process may copy from another's memory; empty if the kernel knows no reason.

    It is tried with this very process, for which only the kernel and a container's filter count.
    """
    from distrcomp.links.pull import can_read

    expected = b"distrcomp"
    memory = ctypes.create_string_buffer(expected)
    if can_read(os.getpid(), ctypes.addressof(memory), expected):
        return ""
    return "the kernel forbids it"
