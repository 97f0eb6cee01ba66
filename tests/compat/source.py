"""Where mpi4py's source distribution lies; downloads it when it is nowhere yet."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.1.2"


def source() -> Path:
    """The unpacked source distribution: MPI4PY_SOURCE, or else the one in the cache folder, which
    MPI4PY_CACHE names."""
    given = os.environ.get("MPI4PY_SOURCE")
    if given is not None:
        return Path(given)
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    cache = Path(os.environ.get("MPI4PY_CACHE", caches / "distrcomp-compat"))
    folder = cache / f"mpi4py-{VERSION}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            archive = _download(Path(temporary))
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")
            with contextlib.suppress(OSError):
                (Path(temporary) / folder.name).rename(folder)
        if not folder.is_dir():  # it may be another process that was quicker
            raise FileNotFoundError(f"{archive.name} holds no {folder.name}")
    return folder


def _download(folder: Path) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    words += ["--no-binary", "mpi4py", "--dest", str(folder), f"mpi4py=={VERSION}"]
    subprocess.run(words, check=True)
    return next(folder.glob("mpi4py-*.tar.gz"))
