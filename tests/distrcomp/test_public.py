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
from distrcomp import world_calls, world_collectives
from distrcomp.communicator import Communicator
from distrcomp.requests import Request
from distrcomp.status import MatchedMessage, Status

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(distrcomp.__path__, "distrcomp.")
]


def functions() -> dict[str, ast.FunctionDef]:
    """The package's functions as they are written; joining replaces most of them."""
    written = {}
    for module in (distrcomp, world_calls, world_collectives):
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        found = (node for node in tree.body if isinstance(node, ast.FunctionDef))
        written.update({node.name: node for node in found if node.name in distrcomp.__all__})
    return written


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module: types.ModuleType) -> None:
    """Every example gives what it shows."""
    failed, _ = doctest.testmod(module, raise_on_error=False)
    assert failed == 0


def test_functions_of_the_package() -> None:
    """Every function says what it does, by itself or by naming the communicator's method."""
    for name, function in functions().items():
        assert (name, True) == (name, bool(ast.get_docstring(function)))


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
