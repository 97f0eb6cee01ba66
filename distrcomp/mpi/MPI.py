"""The MPI module: all public names of the face, collected from the modules that make them."""

from __future__ import annotations

from .constants import *  # noqa: F403
from .errors import *  # noqa: F403


def _collect(names):
    import importlib
    import re
    from pathlib import Path

    problems = {}
    modules = [
        path.stem
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if path.stem not in ("MPI", "__init__", "__main__", "handles", "constants")
        and not path.stem.startswith(("util", "futures", "run", "shim"))
    ]
    wanted = re.compile(
        r"(?:[A-Z][A-Z0-9_]*|[A-Z][a-z]\w*|buffer|memory|pickle|Pickle|get_vendor|_comm_lock"
        r"|_comm_lock_table|_commctx_intra|_commctx_inter|_typecode|_typealign|_datatype_create|_datatype_decode"
        r"|_typedict|_typedict_c|_typedict_f)$"
    )
    for module in ("errors", "constants", *modules):
        try:
            loaded = importlib.import_module(f"distrcomp.mpi.{module}")
        except BaseException as error:
            problems[module] = repr(error)
            continue
        for name, value in list(vars(loaded).items()):
            if wanted.match(name) and getattr(value, "__module__", "distrcomp").startswith("distrcomp"):
                names[name] = value
    from .handles import constants

    names.update(constants())
    return problems


_problems = _collect(globals())

from .abort import _set_abort_status  # noqa: E402
from .assembly import settle as _settle  # noqa: E402
from .environment import start as _start  # noqa: E402
from .errors import MPIException as Exception  # noqa: A004,E402
from .handles import _addressof, _handleof, _sizeof  # noqa: E402

_settle(__name__, globals())
_start()
