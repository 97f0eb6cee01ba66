"""Programs on real nodes, through the plugin: what a user would write to test a program."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distrcomp as dc
from distrcomp.errors import NodeLost

pytestmark = pytest.mark.processes


@pytest.mark.nodes(4)
def test_ring() -> None:
    """A token goes round four nodes."""
    left, right = (dc.node_id - 1) % dc.n_node, (dc.node_id + 1) % dc.n_node
    if dc.node_id == 0:
        dc.send(right, [0])
        assert [0, 1, 2, 3] == dc.recv(left)
    else:
        dc.send(right, [*dc.recv(left), dc.node_id])


@pytest.fixture
def array(request: pytest.FixtureRequest) -> Any:
    """An array that tells which node made it."""
    return np.full(request.param, dc.node_id)


@pytest.mark.nodes(2)
@pytest.mark.parametrize("array", [10, 1_000_000], indirect=True)
def test_fixtures_are_each_nodes_own(array: Any, tmp_path: Path) -> None:
    """Each node makes its fixtures for itself; both get every parameter."""
    other = 1 - dc.node_id
    dc.send(other, (array, str(tmp_path)))
    received, path = dc.recv(other)
    assert np.array_equal(received, np.full(len(array), other))
    assert path != str(tmp_path)


@pytest.mark.nodes(2)
def test_threads_of_a_node() -> None:
    """Several threads of both nodes exchange messages at once, each pair by a tag of its own."""
    other, wrong = 1 - dc.node_id, []

    def talk(tag: int) -> None:
        for number in range(200):
            dc.send(other, (tag, number), tag)
            if dc.recv(other, tag) != (tag, number):
                wrong.append(tag)

    threads = [threading.Thread(target=talk, args=(tag,)) for tag in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


@pytest.mark.nodes(3)
def test_a_node_that_has_finished() -> None:
    """Who waits for a node that has returned gets NodeLost, which a test can expect."""
    if dc.node_id:
        with pytest.raises(NodeLost) as caught:
            dc.recv(0)
        assert 0 == caught.value.node
