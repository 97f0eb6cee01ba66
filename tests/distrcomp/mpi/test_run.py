"""distrcomp.mpi.run and `python -m distrcomp.mpi`: programs as Python would run them."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from distrcomp.mpi.run import split_rc
from tests.distrcomp.mpi.alone import run_alone

pytestmark = pytest.mark.processes

SOURCE = """
import sys
from mpi4py import MPI
print(__name__, sys.argv[1:], MPI.COMM_WORLD.Get_size(), sys.modules["__main__"].SOURCE)
"""


def test_a_file(tmp_path: Path) -> None:
    """A file is `__main__`, and modules beside it are found."""
    (tmp_path / "prog.py").write_text("from helper import SOURCE\n" + SOURCE)
    (tmp_path / "helper.py").write_text("SOURCE = 'here'\n")
    status, out, err = run_alone(str(tmp_path / "prog.py"), "-a", "b c")
    assert (0, "__main__ ['-a', 'b c'] 1 here\n", "") == (status, out, err)


def test_a_module(tmp_path: Path) -> None:
    """-m finds modules in the current folder."""
    (tmp_path / "prog.py").write_text("SOURCE = 5\n" + SOURCE)
    assert run_alone("-m", "prog", "x", folder=tmp_path)[1] == "__main__ ['x'] 1 5\n"


def test_a_folder_and_an_archive(tmp_path: Path) -> None:
    """Both run their `__main__.py`."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text("SOURCE = 6\n" + SOURCE)
    with ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("__main__.py", "SOURCE = 7\n" + SOURCE)
    assert run_alone("app", folder=tmp_path)[1] == "__main__ [] 1 6\n"
    assert run_alone("app.zip", folder=tmp_path)[1] == "__main__ [] 1 7\n"


def test_an_error_is_the_exit_code() -> None:
    """An exception is printed and makes 1; sys.exit says its own."""
    status, _, err = run_alone("-c", "from mpi4py import MPI; 1 / 0")
    assert (1, True) == (status, err.endswith("ZeroDivisionError: division by zero\n"))
    assert run_alone("-c", "raise SystemExit(7)") == (7, "", "")


def test_usage() -> None:
    """Without a program it says how it is called."""
    status, out, _ = run_alone()
    assert (2, True) == (status, out.startswith("usage: python -m distrcomp.mpi "))
    assert run_alone("--help")[0] == 0
    assert "argument expected for the -c option" in run_alone("-c")[2]


def test_rc_options() -> None:
    """-rc sets options of mpi4py.rc before the program starts."""
    code = "import mpi4py; print(mpi4py.rc.threads, mpi4py.rc.irecv_bufsz)"
    assert run_alone("-rc", "threads=False,irecv_bufsz=7", "-c", code)[1] == "False 7\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-rc", "a=1", "x"], (["x"], {"a": 1})),
        (["--rc=a=no,b=none", "-rc=c=true", "-m"], (["-m"], {"a": "no", "b": None, "c": True})),
        (["x", "-rc", "a=1"], (["x", "-rc", "a=1"], {})),
    ],
)
def test_split_rc(words: list[str], expected: tuple[list[str], dict[str, object]]) -> None:
    """Only options before the program are ours."""
    assert split_rc(words) == expected


def test_abort_status() -> None:
    """set_abort_status ends the process with that status, whatever comes after."""
    code = "from mpi4py import MPI, run; run.set_abort_status(9)"
    assert run_alone("-c", code)[0] == 9


def test_the_traceback_of_a_wrong_call(tmp_path: Path) -> None:
    """It ends with the program's line, and shows none of our insides."""
    source = "from mpi4py import MPI\nMPI.COMM_WORLD.scatter([1, 2])\n"
    (tmp_path / "prog.py").write_text(source)
    _, _, told = run_alone("prog.py", folder=tmp_path)
    assert told.endswith("scatter([1, 2])\nValueError: expecting 1 items, got 2\n")
