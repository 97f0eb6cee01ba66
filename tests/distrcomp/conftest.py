"""Nodes in this process, for the tests of what stands on the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distrcomp import interrupts
from tests.distrcomp.kit import KINDS, Nodes, nodes


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Two linked nodes."""
    with nodes(2, request.param) as made:
        yield made


@pytest.fixture
def apart() -> Iterator[Nodes]:
    """Three nodes without links."""
    with nodes(3, linked=False) as made:
        yield made


@pytest.fixture(autouse=True)
def handlers_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals are not put off for a world of one that some test before has joined.

    They would wait for a call of that world; and a time limit of pytest's is a signal, too.
    """
    monkeypatch.setattr(interrupts, "_arrive", None)
