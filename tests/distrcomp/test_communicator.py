"""distrcomp.communicator: what a call checks before it acts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.errors import BadTag, NoSuchNode, RecvTimeout, Undecodable
from distrcomp.limits import TAG_MAX


@pytest.fixture
def alone() -> Iterator[Communicator]:
    """The world of one."""
    engine = Engine(0, 1, str, lambda _: None, lambda: None)
    yield Communicator(engine)
    engine.close(in_order=True)


class Fragile:
    """Breaks at its arrival."""

    def __getstate__(self) -> int:
        return 1

    def __setstate__(self, state: Any) -> None:
        raise ValueError("broken on arrival")


def test_world_of_one(alone: Communicator) -> None:
    """It has one node, which can talk to itself."""
    assert (alone.node_id, alone.n_node) == (0, 1)
    alone.send(0, [1, 2], tag=TAG_MAX)
    assert alone.recv(0, TAG_MAX) == [1, 2]


@pytest.mark.parametrize("node", [1, -1, -2, 2**70, "0", None, 0.0])
def test_no_such_node_to_send_to(alone: Communicator, node: Any) -> None:
    """A node that doesn't exist, -1 among them, is refused by its name."""
    with pytest.raises(NoSuchNode) as caught:
        alone.send(node, "x")
    assert f"there is no node {node!r} in this run" in str(caught.value)


@pytest.mark.parametrize("node", [1, -2, "0", None])
def test_no_such_node_to_receive_from(alone: Communicator, node: Any) -> None:
    """A source must exist too; only -1 is anyone."""
    with pytest.raises(NoSuchNode):
        alone.recv(node, timeout=0)


@pytest.mark.parametrize("tag", [-2, TAG_MAX + 1, "a", None, 1.5])
def test_bad_tag(alone: Communicator, tag: Any) -> None:
    """A tag outside its range is refused on both sides; -1 when sending, too."""
    for act in (lambda: alone.send(0, "x", tag), lambda: alone.recv(0, tag, timeout=0)):
        with pytest.raises(BadTag, match="is no tag: tags are integers from 0 to 2147483647"):
            act()
    with pytest.raises(BadTag):
        alone.send(0, "x", -1)


def test_any_integer_will_do(alone: Communicator) -> None:
    """numpy's integers are node ids and tags like any others."""
    alone.send(np.int64(0), "x", np.uint8(3))  # type: ignore[arg-type]
    assert alone.recv(np.int32(0), np.int16(3)) == "x"  # type: ignore[arg-type]


def test_undecodable_is_consumed(alone: Communicator) -> None:
    """A message that can't be rebuilt is an error once; the next one arrives (F-29)."""
    alone.send(0, Fragile())
    alone.send(0, "next")
    with pytest.raises(Undecodable, match="broken on arrival"):
        alone.recv()
    assert alone.recv() == "next"
    with pytest.raises(RecvTimeout):
        alone.recv(timeout=0)
