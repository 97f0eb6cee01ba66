"""Which versions of packages this Python would import."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

_UNKNOWN = "of no known version"


def installed_versions(modules: Iterable[str]) -> list[str]:
    """The version of what each top-level module belongs to; "" for one that is not there.

    Example:
        >>> installed_versions(["no_such_module"])
        ['']
    """
    return [_version(module) if module.isidentifier() else "" for module in modules]


def _version(module: str) -> str:
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        names = _distributions(_state_of_path()).get(module, ())
    for name in names:
        return importlib.metadata.version(name)
    try:
        return _UNKNOWN if importlib.util.find_spec(module) else ""
    except (ImportError, ValueError):
        return ""


@functools.lru_cache(maxsize=1)
def _distributions(_state: object) -> dict[str, list[str]]:
    """The packages that bring a module; slow, so it is kept until the path changes."""
    return dict(importlib.metadata.packages_distributions())


def _state_of_path() -> tuple[tuple[str, int], ...]:
    return tuple((each, _changed_at(each)) for each in sys.path)


def _changed_at(path: str) -> int:
    try:
        return Path(path or ".").stat().st_mtime_ns
    except OSError:
        return 0
