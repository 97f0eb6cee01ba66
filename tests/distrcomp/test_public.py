"""The examples in distrcomp's docstrings, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import types

import pytest

import distrcomp
from distrcomp.communicator import Communicator

MODULES = [
    distrcomp,
    *(
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(distrcomp.__path__, "distrcomp.")
    ),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module: types.ModuleType) -> None:
    """Every example gives what it shows."""
    failed, _ = doctest.testmod(module, raise_on_error=False)
    assert failed == 0


def test_there_are_examples() -> None:
    """The functions that every program uses have one."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = {test.name for test in finder.find(distrcomp) if test.examples}
    assert {"distrcomp.send", "distrcomp.recv", "distrcomp.setup_connection"} <= shown


def test_lazy_names() -> None:
    """`world` is the communicator, before and after calls; other names are told as Python does."""
    distrcomp.setup_connection()
    assert isinstance(distrcomp.world, Communicator)
    assert distrcomp.world is distrcomp.world
    with pytest.raises(AttributeError, match="module 'distrcomp' has no attribute 'wrld'"):
        distrcomp.wrld  # noqa: B018  the look itself
