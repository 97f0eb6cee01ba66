"""The examples in distrcomp's docstrings, run as they stand, and the names that a program uses."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import types
from pathlib import Path

import pytest

import distrcomp
from distrcomp.communicator import Communicator
from distrcomp.requests import Request
from distrcomp.status import MatchedMessage, Status

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(distrcomp.__path__, "distrcomp.")
]


def functions() -> dict[str, ast.FunctionDef]:
    """The package's functions as they are written; joining replaces some of them."""
    tree = ast.parse(Path(distrcomp.__file__).read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module: types.ModuleType) -> None:
    """Every example gives what it shows."""
    failed, _ = doctest.testmod(module, raise_on_error=False)
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in functions() if not name.startswith("_")])
def test_examples_of_the_package(name: str) -> None:
    """Every function of the package has a docstring, and its example gives what it shows."""
    text = ast.get_docstring(functions()[name]) or ""
    example = doctest.DocTestParser().get_doctest(text, vars(distrcomp).copy(), name, None, None)
    assert len(example.examples) > 0 or name == "close_connection"
    assert doctest.DocTestRunner().run(example).failed == 0


def test_calls_are_the_worlds() -> None:
    """Each call of the package takes what the world's method takes, whose place it has."""
    for name in distrcomp._CALLS:
        ours = [
            each.arg for each in (functions()[name].args.args + functions()[name].args.kwonlyargs)
        ]
        method = inspect.signature(getattr(Communicator, name))
        assert ours == [each for each in method.parameters if each != "self"]


def test_every_call_is_documented() -> None:
    """`help` tells of every method of a communicator what it does, with an example."""
    for name in distrcomp._CALLS:
        text = inspect.getdoc(getattr(Communicator, name)) or ""
        assert (name, ">>> " in text) == (name, True)


def test_lazy_names() -> None:
    """`world` is the communicator, before and after calls; other names are told as Python does."""
    distrcomp.setup_connection()
    assert isinstance(distrcomp.world, Communicator)
    assert distrcomp.world is distrcomp.world
    with pytest.raises(AttributeError, match="module 'distrcomp' has no attribute 'wrld'"):
        distrcomp.wrld  # noqa: B018  the look itself


def test_lazy_classes() -> None:
    """The classes are the package's own names, too, and all public names are there."""
    named = (distrcomp.Communicator, distrcomp.MatchedMessage, distrcomp.Request, distrcomp.Status)
    assert (Communicator, MatchedMessage, Request, Status) == named
    assert [name for name in distrcomp.__all__ if not hasattr(distrcomp, name)] == []
    assert set(distrcomp.__all__) <= set(dir(distrcomp))


def test_after_joining_a_call_is_the_method_itself() -> None:
    """So that `dc.send` is one call and not two."""
    distrcomp.setup_connection()
    assert distrcomp.send == distrcomp.world.send
    assert distrcomp.improbe == distrcomp.world.improbe
