"""distrcomp.mpi.shim: `import mpi4py` gives the face."""

from __future__ import annotations

import pytest

from tests.distrcomp.mpi.alone import output_of, run_alone

pytestmark = pytest.mark.processes


def test_both_names_are_one_module() -> None:
    """A module is the same object under mpi4py's name and under ours, and knows ours as its own."""
    code = """
import importlib
from distrcomp.mpi import shim
for name, where in shim._MODULES.items():
    if name.endswith("__main__"):
        continue
    theirs, ours = importlib.import_module(name), importlib.import_module(where.rstrip("/"))
    assert theirs is ours, name
    assert theirs.__name__ == theirs.__spec__.name == where.rstrip("/"), name
print("same")
"""
    assert output_of(code) == "same\n"


def test_every_way_to_import() -> None:
    """`import a.b`, `from a import b` and `from a.b import c` find the same."""
    code = """
import mpi4py.MPI, mpi4py.util.pkl5, mpi4py.futures
from mpi4py import MPI, futures, util
from mpi4py.util import pkl5
from mpi4py.futures import MPIPoolExecutor, _core
assert mpi4py.MPI is MPI and mpi4py.util.pkl5 is pkl5 is util.pkl5 and mpi4py.futures is futures
print(futures._core is _core, sorted(vars())[-2:])
"""
    assert output_of(code) == "True ['pkl5', 'util']\n"


def test_star_import() -> None:
    """`from mpi4py import *` gives MPI, as mpi4py's does."""
    assert output_of("from mpi4py import *; print(MPI.COMM_WORLD.Get_size())") == "1\n"


def test_names_that_mpi4py_has_not() -> None:
    """Our own files are not loaded a second time by mpi4py's name."""
    code = """
try:
    import mpi4py.datatypes
except ModuleNotFoundError as error:
    print(error.name, error)
"""
    assert output_of(code) == "mpi4py.datatypes distrcomp has no module 'mpi4py.datatypes'\n"


def test_what_is_found_before() -> None:
    """An mpi4py that was imported before is put aside, and those who have it keep it."""
    code = """
import sys, types
from distrcomp.mpi import shim
sys.meta_path.remove(shim._finder)
for name in [name for name in sys.modules if name.startswith("mpi4py")]:
    del sys.modules[name]
real = sys.modules["mpi4py"] = types.ModuleType("mpi4py")
sys.modules["mpi4py.MPI"] = types.ModuleType("mpi4py.MPI")
shim.install()
shim.install()
import mpi4py
print(mpi4py is real, mpi4py.__version__, sys.meta_path.count(shim._finder))
"""
    assert output_of(code) == "False 4.1.2 1\n"


def test_spec_of_a_package() -> None:
    """`importlib.util.find_spec`, by which programs look whether there is an mpi4py, finds it."""
    code = """
import importlib.util
print(importlib.util.find_spec("mpi4py").name, importlib.util.find_spec("mpi4py.futures").name)
import mpi4py
print(importlib.util.find_spec("mpi4py.nothing") if 0 else mpi4py.__path__ is not None)
"""
    assert output_of(code) == "mpi4py mpi4py.futures\nTrue\n"


def test_version_of_the_distribution() -> None:
    """Programs that ask importlib.metadata for mpi4py's version get that of the interface."""
    code = "import importlib.metadata as m; print(m.version('mpi4py'), m.version('numpy') > '1')"
    assert output_of(code) == "4.1.2 True\n"


def test_outer_job_is_hidden() -> None:
    """Variables of an MPI job that the process was started in are not there."""
    code = (
        "import os; print(*sorted(name for name in os.environ if 'MPI' in name or 'RANK' in name))"
    )
    variables = {"OMPI_MCA_btl": "self", "MPI_LOCALRANKID": "1", "MPI4PY_RC_THREADS": "0"}
    assert output_of(code, **variables) == "MPI4PY_RC_THREADS\n"


@pytest.mark.parametrize("module", ["mpi4py", "mpi4py.run"])
def test_modules_as_programs(module: str) -> None:
    """`python -m mpi4py` works where the face is."""
    status, out, err = run_alone("-m", module, "-c", "import sys; print(sys.argv)", "a")
    assert (0, "['-c', 'a']\n", "") == (status, out, err)


def test_rc_can_be_imported_as_a_module() -> None:
    """Programs say `import mpi4py.rc`, and some take it away again."""
    code = """
import sys
import mpi4py.rc
mpi4py.rc.thread_level = "serialized"
del sys.modules["mpi4py.rc"]
from mpi4py import MPI, rc
print(MPI.Query_thread() == MPI.THREAD_SERIALIZED, rc is mpi4py.rc)
"""
    assert output_of(code) == "True True\n"
