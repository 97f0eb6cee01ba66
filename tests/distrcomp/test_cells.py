"""Cells on a node, run without one."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator

import cloudpickle
import pytest

from distrcomp.cells import Runner
from distrcomp.limits import CELL_RESULT_CHARS_MAX
from distrcomp.values import unpack_plain


@pytest.fixture
def runner() -> Iterator[Runner]:
    """One that gives `__main__` back."""
    before = sys.modules["__main__"]
    runner = Runner()
    yield runner
    runner.close()
    sys.modules["__main__"] = before


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("x = 2\nx + 1", "3"),
        ("x = 1", ""),
        ("None", ""),
        ("3;", ""),
        ("(\n3\n) ;  # and why", ""),
        ("3  # c;", "3"),
        ("'é';", ""),
        ("async def f():\n    return 3\nawait f()", "3"),
        ("import asyncio\nt = asyncio.create_task(asyncio.sleep(0, 7))\nawait t", "7"),
        ("import asyncio\nasync with asyncio.timeout(9):\n    pass\n4", "4"),
        ("", ""),
        ("# nothing", ""),
        ("'a' * 10**6", repr("a" * 10**6)[:CELL_RESULT_CHARS_MAX]),
    ],
)
def test_the_last_line_is_the_result(runner: Runner, source: str, result: str) -> None:
    """In words and not without bound; nothing where there is none, or a semicolon."""
    assert {"result": result, "images": []} == runner.run(1, source)


def test_names_live_on(runner: Runner) -> None:
    """What a cell defines is there in the next, as in a module `__main__`."""
    runner.run(1, "def f(x):\n    return x + 1\n\nf(1)")
    assert "(2, '__main__', 2)" == runner.run(2, "f(1), f.__module__, _")["result"]
    assert runner.names["f"] is pickle.loads(pickle.dumps(runner.names["f"]))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("x = [1,", "SyntaxError: '[' was never closed"),
        ("await x", "NameError: name 'x' is not defined"),
        ("async def f():\n    1 / 0\nawait f()", "ZeroDivisionError: division by zero"),
        (
            "get_ipython().run_line_magic('timeit', '1')",
            "UnknownMagic: nodes have no %timeit; they have %cd %matplotlib %pwd %time",
        ),
        (
            "class A:\n    def __repr__(self):\n        raise ValueError('no')\nA()",
            "ValueError: no",
        ),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "E"),
    ],
)
def test_whatever_is_raised_is_told(runner: Runner, source: str, error: str) -> None:
    """In one line, and with the cell's own lines and none of ours; the next cell runs."""
    told = runner.run(7, source)
    assert error == told["error"].removesuffix(": <exception str() failed>").split(".")[-1]
    assert 'File "<cell 7>", line' in told["traceback"]
    assert "cells.py" not in told["traceback"]
    assert "2" == runner.run(8, "1 + 1")["result"]


def test_a_traceback_shows_the_cell(runner: Runner) -> None:
    """Also of a function that an earlier cell has defined."""
    runner.run(1, "def f(x):\n    return 1 / x")
    text = runner.run(2, "f(0)")["traceback"]
    assert '  File "<cell 2>", line 1, in <module>\n    f(0)\n' in text
    assert '  File "<cell 1>", line 2, in f\n    return 1 / x\n' in text


def test_an_interrupt_between_cells_is_nothing(runner: Runner) -> None:
    """Only a cell that goes on is ended by it."""
    runner.on_interrupt(2, None)
    runner.names["interrupt"] = runner.on_interrupt
    assert "KeyboardInterrupt" == runner.run(1, "interrupt(2, None)")["error"]
    runner.on_interrupt(2, None)


def test_a_cell_that_awaits_is_interrupted(runner: Runner) -> None:
    """It is cancelled where it awaits, and told by its own line; the next one runs."""
    runner.names["interrupt"] = runner.on_interrupt
    told = runner.run(
        1,
        "import asyncio\n"
        "asyncio.get_running_loop().call_soon(interrupt, 2, None)\n"
        "await asyncio.Event().wait()",
    )
    assert "KeyboardInterrupt" == told["error"]
    assert '  File "<cell 1>", line 3, in <module>\n    await asyncio.Ev' in told["traceback"]
    assert "base_events" not in told["traceback"]
    assert (
        "KeyboardInterrupt" == runner.run(2, "await asyncio.sleep(0)\ninterrupt(2, None)")["error"]
    )
    assert "5" == runner.run(3, "await asyncio.sleep(0, 5)")["result"]


def test_an_interrupt_s_handler_of_python_s_own_shows_nothing_of_ours(runner: Runner) -> None:
    """A cell may have set it, and it raises inside whatever it finds."""
    source = "import signal\nsignal.default_int_handler(2, None)"
    assert "cells.py" not in runner.run(1, source)["traceback"]


def test_values_to_and_fro(runner: Runner) -> None:
    """By pickle or as plain data; what is not there, or can't be pickled or unpickled, is told."""
    assert {} == runner.push({"x": cloudpickle.dumps([1, 2])})
    assert [1, 2] == pickle.loads(runner.pull("x", is_plain=False)["value"])
    assert [1, 2] == unpack_plain(runner.pull("x", is_plain=True)["value"])
    assert "there is no y" == runner.pull("y", is_plain=True)["error"]
    runner.run(1, "def g():\n    yield\nx = g()")
    assert "generator" in runner.pull("x", is_plain=False)["error"]
    assert "UnpicklingError" in runner.push({"x": b"no pickle"})["error"]
