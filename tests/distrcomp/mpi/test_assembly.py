"""The MPI module as a whole."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distrcomp.mpi import MPI
from distrcomp.mpi.assembly import settle
from tests.distrcomp.mpi import calls

CLASSES = [cls for cls in calls.classes() if cls.__module__ == MPI.__name__]


def members() -> list[tuple[str, Callable[..., Any]]]:
    """All public calls of the public classes, and the functions."""
    found = [(f"{cls.__name__}.{n}", getattr(cls, n)) for cls in CLASSES for n in calls.calls(cls)]
    return found + [(name, getattr(MPI, name)) for name in calls.functions()]


def test_every_public_call_says_what_it_does() -> None:
    """Its docstring begins with the call; then comes a sentence."""
    for name, member in members():
        call, _, text = (inspect.getdoc(member) or "").partition("\n")
        assert call.endswith(")"), name
        assert text[:1].isupper() or text[:1] in "`'", name
        assert text.rstrip().endswith((".", ":")) or ">>>" in text, name


def test_classes_are_the_modules_own() -> None:
    """So their instances pickle by `MPI`, and tracebacks read `MPI.Exception`."""
    assert len(CLASSES) >= 20
    assert MPI.Exception.__module__ == MPI.__name__
    assert MPI.Exception.__name__ == "Exception"


def test_the_module_holds_no_other_names() -> None:
    """Only public names, the few private ones that mpi4py has, and Python's."""
    strange = [
        name
        for name, value in vars(MPI).items()
        if not name.startswith("_")
        and name.isidentifier()
        and name != "annotations"
        and not isinstance(value, (int, type))
        and not hasattr(value, "handle")
        and not getattr(value, "__module__", "").startswith("distrcomp.mpi")
    ]
    assert strange == []


def test_every_import_is_by_name() -> None:
    """The constants alone come all at once."""
    tree = ast.parse(Path(MPI.__file__).read_text("utf-8"))
    stars = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert stars == ["constants"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_examples_of_methods(cls: type) -> None:
    """Every example gives what it shows (those of classes are run with the module)."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for name, member in vars(cls).items():
        text = inspect.getdoc(member)
        if callable(member) and text:
            example = parser.get_doctest(text, {"MPI": MPI}, name, None, None)
            assert runner.run(example).failed == 0


def test_settling_begins_docstrings_once() -> None:
    """A call that has two names keeps the first, and lines are dedented."""

    def one(first: int, second: int) -> None:
        """Does one thing.

        And more of it.
        """

    one.__module__ = "distrcomp.mpi.made_up"
    settle("made.up", {"one": one, "two": one})
    assert one.__doc__ == "one(first, second)\nDoes one thing.\n\nAnd more of it."


def test_classes_are_mpi4pys_where_the_face_stands_for_it() -> None:
    """What a program prints of them reads as with mpi4py."""
    code = "from mpi4py import MPI; print(type(MPI.COMM_WORLD), MPI.COMM_WORLD.handle)"
    words = [sys.executable, "-m", "distrcomp.mpi", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "<class 'mpi4py.MPI.Intracomm'> 1\n", done.stderr


def test_importing_it_is_light() -> None:
    """Neither numpy nor asyncio is loaded before a call needs it: each node would pay for it."""
    code = "import sys; from distrcomp.mpi import MPI; print({'numpy', 'asyncio'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
