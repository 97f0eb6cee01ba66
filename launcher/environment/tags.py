"""Which wheel of a package a machine can use; no I/O.

A wheel's name ends with what it is for: Python, its binary interface, the platform (PEP 425, 600,
656). We know the machines that agents run on: CPython on Linux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..records import record
from .lock import Wheel

_LINUX = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)")
_OLD_NAMES = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


@record
class Platform:
    """What an agent's Python is.

    Attributes:
        python: its version, (3, 11).
        abi: of its binary interface, `cp311`, with a `t` where it has no GIL.
        machine: the processor, as `uname -m` says it.
        libc: "glibc" or "musl", and its version.
    """

    python: tuple[int, int]
    abi: str
    machine: str
    libc: str
    libc_version: tuple[int, int]


def best_wheel(wheels: Iterable[Wheel], platform: Platform) -> Wheel | None:
    """The wheel most closely made for this machine; None when none is for it."""
    fitting = [(score, wheel.name, wheel) for wheel in wheels if (score := _score(wheel, platform))]
    return max(fitting, key=lambda each: each[:2])[2] if fitting else None


def _score(wheel: Wheel, platform: Platform) -> tuple[int, int, tuple[int, int], int] | None:
    """How close it is made for that machine, its build number last; None where it isn't."""
    parts = wheel.name.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        return None
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    closest = max(
        (
            (minor, abi_rank, libc)
            for python in pythons
            for abi in abis
            for minor, abi_rank in _interpreter(python, abi, platform)
            for name in platforms
            for libc in _libc(name, platform)
        ),
        default=None,
    )
    if closest is None:
        return None
    build = re.match(r"\d+", parts[2]) if len(parts) == 6 else None
    return (*closest, int(build[0]) if build else 0)


def _interpreter(python: str, abi: str, platform: Platform) -> Iterator[tuple[int, int]]:
    """(the minor version it is made for, how binary it is), if this Python can use it."""
    found = re.fullmatch(r"(cp|py)(\d)(\d*)", python)
    if found is None or int(found[2]) != platform.python[0]:
        return
    minor = int(found[3] or 0)
    is_binary = found[1] == "cp"
    if abi == platform.abi and is_binary and minor == platform.python[1]:
        yield minor, 2
    elif abi == "abi3" and is_binary and minor <= platform.python[1]:
        if not platform.abi.endswith("t"):
            yield minor, 1
    elif abi == "none" and (
        minor <= platform.python[1] if not is_binary else minor in (0, platform.python[1])
    ):
        yield minor, 0


def _libc(name: str, platform: Platform) -> Iterator[tuple[int, int]]:
    """The version of the C library that it is made for, if this machine has that."""
    if name == "any":
        yield 0, 0
        return
    if name == f"linux_{platform.machine}":
        yield 0, 1
        return
    for old, version in _OLD_NAMES.items():
        if name == f"{old}_{platform.machine}":
            name = f"manylinux_{version[0]}_{version[1]}_{platform.machine}"
    found = _LINUX.fullmatch(name)
    if found is None or found[4] != platform.machine:
        return
    wanted = "glibc" if found[1] == "manylinux" else "musl"
    version = int(found[2]), int(found[3])
    newest = platform.libc_version
    if wanted == platform.libc and version[0] == newest[0] and version <= newest:
        yield version
