"""Puts the face where `import mpi4py` finds it, in this process only.

A finder at the head of `sys.meta_path` serves `mpi4py` and its modules from this package, before
an installed mpi4py is looked for. Both names give the same module objects, so what is compared by
identity or pickled by name agrees, whichever name it came by. Names that mpi4py doesn't have are
refused here: through `mpi4py.__path__` Python would otherwise load our files a second time.

`prepare` is what `distrcomp run --mpi4py` has each node call before its program starts.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

import distrcomp

from ..joining import join
from .configuration import rc

# Where each module of mpi4py lies; a package is marked by its slash.
_MODULES = {
    "mpi4py": "distrcomp.mpi/",
    "mpi4py.__main__": "distrcomp.mpi.run",
    "mpi4py.MPI": "distrcomp.mpi.MPI",
    "mpi4py.bench": "distrcomp.mpi.bench",
    "mpi4py.run": "distrcomp.mpi.run",
    "mpi4py.typing": "distrcomp.mpi.type_hints",
    "mpi4py.futures": "distrcomp.mpi.futures/",
    "mpi4py.futures.__main__": "distrcomp.mpi.futures_main",
    "mpi4py.futures._base": "distrcomp.mpi.futures_base",
    "mpi4py.futures._core": "distrcomp.mpi.futures_core",
    "mpi4py.futures.aplus": "distrcomp.mpi.futures_aplus",
    "mpi4py.futures.pool": "distrcomp.mpi.futures_pool",
    "mpi4py.futures.server": "distrcomp.mpi.futures_server",
    "mpi4py.futures.util": "distrcomp.mpi.futures_util",
    "mpi4py.util": "distrcomp.mpi.util/",
    "mpi4py.util.dtlib": "distrcomp.mpi.util_dtlib",
    "mpi4py.util.pkl5": "distrcomp.mpi.util_pkl5",
    "mpi4py.util.pool": "distrcomp.mpi.util_pool",
    "mpi4py.util.sync": "distrcomp.mpi.util_sync",
}

# What an MPI job or a batch system tells its processes of themselves. In a node that was started
# inside such a job it would tell of the job's process and not of the node.
_MISLEADING_PREFIXES = (
    "ALPS_APP_",
    "FLUX_TASK_",
    "HYDI_",
    "I_MPI_",
    "JSM_NAMESPACE_",
    "MPIR_",
    "MPI_LOCAL",
    "MV2_COMM_",
    "MVP_COMM_",
    "OMPI_",
    "PALS_",
    "PMIX_",
    "PMI_",
    "PRTE_",
)
_MISLEADING = ("SLURM_LOCALID", "SLURM_NPROCS", "SLURM_NTASKS", "SLURM_PROCID")


class _Loader(importlib.abc.InspectLoader):
    """Gives the module of another name."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._own_spec: importlib.machinery.ModuleSpec | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:  # noqa: ARG002
        module = importlib.import_module(self._target)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec  # the import system has put that of the other name there

    def get_code(self, fullname: str) -> CodeType | None:
        """For `python -m mpi4py.futures` and the like."""
        spec = importlib.util.find_spec(self._target)
        if spec is None or not isinstance(spec.loader, importlib.abc.InspectLoader):
            raise ImportError(f"there is no code of {self._target}", name=fullname)
        return spec.loader.get_code(self._target)

    def get_source(self, fullname: str) -> str | None:
        spec = importlib.util.find_spec(self._target)
        if spec is None or not isinstance(spec.loader, importlib.abc.InspectLoader):
            raise ImportError(f"there is no source of {self._target}", name=fullname)
        return spec.loader.get_source(self._target)

    def is_package(self, fullname: str) -> bool:
        return _MODULES[fullname].endswith("/")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `mpi4py` and all below it here."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        where = _MODULES.get(fullname)
        if where is not None:
            loader = _Loader(where.rstrip("/"))
            package = where.endswith("/")
            return importlib.machinery.ModuleSpec(fullname, loader, is_package=package)
        if fullname.startswith("mpi4py."):
            raise ModuleNotFoundError(f"distrcomp has no module {fullname!r}", name=fullname)
        return None

    def find_distributions(self, context: Any) -> Iterator[Any]:
        """For `importlib.metadata.version("mpi4py")`, by which programs ask for a version."""
        if context.name is not None and context.name.lower() == "mpi4py":
            yield _distribution()


def _distribution() -> Any:
    from importlib.metadata import Distribution

    from . import __version__

    class Face(Distribution):
        """What is installed as mpi4py, as far as anybody asks."""

        def read_text(self, filename: str) -> str | None:
            metadata = f"Metadata-Version: 2.1\nName: mpi4py\nVersion: {__version__}\n"
            return metadata if filename == "METADATA" else None

        def locate_file(self, path: Any) -> Any:
            return os.path.join(os.path.dirname(__file__), path)

    return Face()


_finder = _Finder()


def install() -> None:
    """From now on `import mpi4py` gives `distrcomp.mpi`; a real mpi4py that was imported before
    stays with those who have it."""
    if _finder in sys.meta_path:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "mpi4py"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _finder)
    sys.modules["mpi4py.rc"] = rc  # type: ignore[assignment]  # programs say `import mpi4py.rc`


def hide_outer_job() -> None:
    """Takes away the variables by which a program would take itself for a process of an MPI job
    that this node was started in."""
    for name in list(os.environ):
        if name in _MISLEADING or name.startswith(_MISLEADING_PREFIXES):
            del os.environ[name]


def prepare() -> None:
    """Makes this process one in which programs of mpi4py run."""
    if distrcomp._guard is not None:  # started by mpiexec: links need the real mpi4py
        join()
    hide_outer_job()
    install()
