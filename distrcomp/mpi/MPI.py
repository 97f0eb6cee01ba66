"""The MPI module: all public names of the face, collected from the modules that make them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from .constants import *  # noqa: F403
from .errors import *  # noqa: F403

_MODULES = [
    path.stem
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in ("MPI", "__init__", "__main__", "handles", "constants")
    and not path.stem.startswith(("util", "futures", "run", "shim"))
]
_WANTED = re.compile(
    r"(?:[A-Z][A-Z0-9_]*|[A-Z][a-z]\w*|buffer|memory|pickle|Pickle|get_vendor|_set_abort_status|_comm_lock"
    r"|_comm_lock_table|_commctx_intra|_commctx_inter|_typecode|_typealign|_datatype_create|_datatype_decode"
    r"|_typedict|_typedict_c|_typedict_f)$"
)

problems = {}
for _module in ("errors", "constants", *_MODULES):
    try:
        _loaded = importlib.import_module(f"distrcomp.mpi.{_module}")
    except BaseException as _error:  # noqa: BLE001
        problems[_module] = repr(_error)
        continue
    for _name, _value in list(vars(_loaded).items()):
        if _WANTED.match(_name) and getattr(_value, "__module__", "distrcomp").startswith("distrcomp"):
            globals()[_name] = _value

from . import environment  # noqa: E402
from .abort import _set_abort_status  # noqa: E402
from .assembly import settle  # noqa: E402
from .errors import MPIException as Exception  # noqa: A004,E402
from .handles import _addressof, _handleof, _sizeof, constants  # noqa: E402

globals().update(constants())
settle(__name__, globals())
environment.start()
