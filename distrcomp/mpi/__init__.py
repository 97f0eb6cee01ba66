"""The mpi4py face of distrcomp: programs written for mpi4py run on it unmodified.

    from distrcomp.mpi import MPI

is `from mpi4py import MPI` in a program that `distrcomp run --mpi4py` or `python -m distrcomp.mpi`
runs: this package and its modules are then what `mpi4py` and its modules are (`shim`). Names,
defaults and results are those of mpi4py 4.1.2, written from its documentation and the MPI standard.
See docs/mpi4py.md.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from .configuration import Rc as Rc
from .configuration import rc as rc
from .package import get_config as get_config
from .package import get_include as get_include
from .package import profile as profile

__version__ = "4.1.2"
__author__ = "the authors of distrcomp"
__credits__ = "mpi4py, whose interface this is, by Lisandro Dalcin and others"

__all__ = ["MPI"]

_MODULES = ("MPI", "bench", "futures", "run", "util")


def __getattr__(name: str) -> ModuleType:
    """The modules, loaded when they are first asked for, under the name this package is used by."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    is_shimmed = sys.modules.get("mpi4py") is sys.modules[__name__]
    return importlib.import_module(f"{'mpi4py' if is_shimmed else __name__}.{name}")
