"""distrcomp.arguments: node ids, tags and times to wait, as callers pass them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from distrcomp.arguments import node_number, seconds, tag_number
from distrcomp.errors import BadTag, BadTimeout, NoSuchNode
from distrcomp.limits import TAG_MAX
from tests.distrcomp.kit import TIMEOUT_S, Nodes

NO_INTEGERS = [1.5, math.nan, math.inf, 1j, "1", b"1", None, [1], np.array([1, 2])]


@pytest.mark.parametrize(
    "one", [1, True, np.int64(1), np.uint8(1), np.array(1), 1.0, np.float64(1)]
)
def test_integers(one: Any) -> None:
    """What equals an integer is a node id and a tag; it becomes a plain one."""
    numbers = [node_number(one, 2), tag_number(one)]
    assert [(type(number), number) for number in numbers] == [(int, 1)] * 2


@pytest.mark.parametrize("node", [-1, 2, 2**70, *NO_INTEGERS])
def test_no_node(node: Any) -> None:
    """No node id is outside the run, and none is anything but an integer."""
    with pytest.raises(NoSuchNode, match="node ids are 0 to 1"):
        node_number(node, 2)


@pytest.mark.parametrize("tag", [-1, TAG_MAX + 1, *NO_INTEGERS])
def test_no_tag(tag: Any) -> None:
    """Tags are integers from 0 to 2**31-1."""
    with pytest.raises(BadTag, match="tags are integers from 0"):
        tag_number(tag)


def test_largest_tag() -> None:
    """The bounds themselves are tags."""
    assert [tag_number(0), tag_number(TAG_MAX)] == [0, TAG_MAX]


@pytest.mark.parametrize(
    ("timeout", "number"), [(None, None), (0, 0.0), (1.5, 1.5), ("2", 2.0), (math.inf, math.inf)]
)
def test_seconds(timeout: Any, number: float | None) -> None:
    """Any number from 0 up is a timeout, infinity too."""
    assert seconds(timeout) == number


@pytest.mark.parametrize("timeout", [-1, math.nan, "soon", [], 10**400])
def test_no_seconds(timeout: Any) -> None:
    """Everything else is refused, a number that no float can hold too."""
    with pytest.raises(BadTimeout, match="is a number of seconds"):
        seconds(timeout)


def test_any_is_an_integer(two: Nodes) -> None:
    """Lists stand for no source and no tag, not for any."""
    world = two.worlds[0]
    for other in ([-1], np.array([-1, -1])):
        with pytest.raises(NoSuchNode):
            world.irecv(other)  # type: ignore[arg-type]
        with pytest.raises(BadTag):
            world.irecv(1, other)  # type: ignore[arg-type]
    assert world.irecv(np.int64(-1), np.int64(-1)).cancel() is True  # type: ignore[arg-type]


def test_integers_that_no_dict_takes(two: Nodes) -> None:
    """A node id that can't be hashed is a node id: the message goes and arrives."""
    two.worlds[0].send(np.array(1), "x")  # type: ignore[arg-type]
    assert two.worlds[1].recv(np.array(0), timeout=TIMEOUT_S) == "x"  # type: ignore[arg-type]
