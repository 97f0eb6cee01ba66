"""What `mpi4py` offers besides its modules: where its headers lie, how it was built, profiling."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def get_include() -> str:
    """There are no C headers: distrcomp is no MPI library to compile against.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("get_include: distrcomp has no C interface to compile against")


def get_config() -> dict[str, str]:
    """How this mpi4py was built: nothing was, so the dictionary is empty."""
    return {}


def profile(name: _Path, *, path: _Path | Iterable[_Path] | None = None) -> None:
    """Finds a profiling library, and says that it has nothing to profile here.

    Args:
        name: of the library, with or without `lib` and `.so`, or the path of its file.
        path: folders to search.

    Raises:
        ValueError: there is no such library.
    """
    wanted = os.fsdecode(name)
    if path is None:
        folders = []
    elif isinstance(path, (str, bytes, os.PathLike)):
        folders = [os.fsdecode(path)]
    else:
        folders = [os.fsdecode(folder) for folder in path]
    names = (wanted, f"lib{wanted}.so", f"lib{wanted}")
    files = [os.path.join(folder, name) for folder in ("", *folders) for name in names]
    found = next(filter(os.path.isfile, files), None)
    if found is None:
        raise ValueError(f"there is no profiling library {wanted!r}")
    text = f"{found} is not loaded: distrcomp makes no calls of an MPI library"
    warnings.warn(text, UserWarning, stacklevel=2)
