"""Versions, the clock, initialisation."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

import distrcomp
from distrcomp.mpi import MPI


def run(code: str) -> str:
    """What a program of a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_versions() -> None:
    """The standard's, and ours."""
    assert MPI.Get_version() == (MPI.VERSION, MPI.SUBVERSION) == (4, 1)
    assert MPI.Get_library_version().startswith(f"distrcomp {distrcomp.__version__}")
    name, numbers = MPI.get_vendor()
    assert name == "distrcomp"
    assert distrcomp.__version__.startswith(".".join(map(str, numbers)))


def test_importing_initialises() -> None:
    """With the highest thread level; a second time is an error."""
    assert MPI.Is_initialized()
    assert not MPI.Is_finalized()
    assert MPI.Query_thread() == MPI.THREAD_MULTIPLE
    with pytest.raises(MPI.Exception) as raised:
        MPI.Init()
    assert raised.value == MPI.ERR_OTHER


def test_the_main_thread_is_the_one_that_initialised() -> None:
    """Another thread is told so."""
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(MPI.Is_thread_main()))
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_clock_runs_on() -> None:
    """In seconds, and finely."""
    first = MPI.Wtime()
    assert MPI.Wtime() >= first
    assert 0 < MPI.Wtick() <= 1e-3


def test_a_program_may_initialise_itself() -> None:
    """`rc.initialize = False` leaves Init and Finalize to the program."""
    code = """
from distrcomp.mpi.configuration import rc
rc.initialize = False
from distrcomp.mpi import MPI
states = [(MPI.Is_initialized(), MPI.Is_finalized())]
try:
    MPI.Query_thread()
except MPI.Exception:
    states.append("not yet")
assert MPI.Init_thread(MPI.THREAD_SERIALIZED) == MPI.THREAD_SERIALIZED
states.append((MPI.Is_initialized(), MPI.Is_finalized()))
MPI.COMM_SELF.send(1, dest=0)
MPI.Finalize()
states.append((MPI.Is_initialized(), MPI.Is_finalized()))
print(*states)
"""
    assert run(code) == "(False, False) not yet (True, False) (True, True)"


def test_the_thread_level_is_the_programs_choice() -> None:
    """By rc, or by the environment."""
    code = """
import os
os.environ["MPI4PY_RC_THREAD_LEVEL"] = "funneled"
from distrcomp.mpi import MPI
print(MPI.Query_thread() == MPI.THREAD_FUNNELED)
"""
    assert run(code) == "True"


def test_what_the_environment_says_is_in_rc() -> None:
    """The options that count can be read there, and the handlers are those of the policy."""
    code = """
import os
os.environ.update(MPI4PY_RC_ERRORS="default", MPI4PY_RC_IRECV_BUFSZ="2048")
from distrcomp.mpi import MPI, rc
print(rc.errors, rc.irecv_bufsz, rc.initialize)
for made in (MPI.COMM_WORLD, MPI.COMM_SELF.Dup(), MPI.Session.Init()):
    assert made.Get_errhandler() == MPI.ERRORS_ARE_FATAL
file = MPI.File.Open(MPI.COMM_SELF, os.devnull)
assert file.Get_errhandler() == MPI.ERRORS_RETURN
"""
    assert run(code) == "default 2048 True"


@pytest.mark.parametrize("end", ["", "MPI.Finalize()"])
def test_the_attributes_of_self_hear_of_the_end(end: str) -> None:
    """The last one first, before MPI is finalised, by the program or at exit."""
    code = f"""
from distrcomp.mpi import MPI
def tell(comm, key, value):
    print(value, MPI.Is_finalized(), comm.sendrecv(7, 0, source=0))
for value in ("first", "second"):
    MPI.COMM_SELF.Set_attr(MPI.Comm.Create_keyval(delete_fn=tell), value)
{end}
"""
    assert run(code) == "second False 7\nfirst False 7"


@pytest.mark.parametrize(("errors", "wanted"), [("fatal", "ARE_FATAL"), ("abort", "ABORT")])
def test_files_have_the_handler_of_the_policy(errors: str, wanted: str) -> None:
    """Those that are opened, and the null file, whose handler is that of opening."""
    code = f"""
import os
os.environ["MPI4PY_RC_ERRORS"] = "{errors}"
from distrcomp.mpi import MPI
file = MPI.File.Open(MPI.COMM_SELF, os.devnull)
print(file.Get_errhandler() == MPI.FILE_NULL.Get_errhandler() == MPI.ERRORS_{wanted})
"""
    assert run(code) == "True"


def test_what_cannot_be_had_says_so() -> None:
    """Data representations of the program's own are not supported."""
    with pytest.raises(NotImplementedError, match=r"MPI\.Register_datarep: "):
        MPI.Register_datarep("mine", None, None, None)


def test_hints_about_the_machine_and_the_interface() -> None:
    """Infos that mpi4py's programs ask for."""
    assert MPI.Get_abi_info().Get("mpi_aint_size") == "8"
    assert MPI.Get_abi_fortran_info() == MPI.INFO_NULL
    assert MPI.Get_abi_version() == (-1, -1)
    assert MPI.Get_hw_resource_info().keys() == [f"host://{MPI.Get_processor_name()}"]
    MPI.Pcontrol(1)
