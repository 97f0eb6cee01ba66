"""distrcomp.errors: the tree, and what each exception says."""

from __future__ import annotations

import inspect
import re

import pytest

import distrcomp
from distrcomp import errors


def drawn(docstring: str) -> dict[str, str]:
    """Each class of the tree in the docstring, with its parent."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in docstring.splitlines():
        if found := re.match(r"([│├└─ ]*)([A-Z]\w+Error|[A-Z]\w+)(\s{2,}|$)", line):
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            if depth:
                parents[found[2]] = path[depth - 1]
    return parents


def test_tree_is_as_drawn() -> None:
    """The tree in the docstring is the real one, and all of it is public."""
    classes = {
        name: it
        for name, it in vars(errors).items()
        if isinstance(it, type) and it.__module__ == errors.__name__
    }
    real = {
        name: it.__bases__[0].__name__
        for name, it in classes.items()
        if it.__bases__[0] is not Exception
    }
    assert drawn(errors.__doc__ or "") == real
    assert set(classes) <= set(distrcomp.__all__)


def test_every_class_says_what_it_means() -> None:
    """No exception is without a docstring."""
    classes = [it for it in vars(errors).values() if inspect.isclass(it)]
    assert [it for it in classes if not it.__doc__] == []


@pytest.mark.parametrize(
    ("n_node", "text"),
    [
        (
            1,
            "there is no node 7 here: the only one is 0; `distrcomp run -n N` starts more",
        ),
        (4, "there is no node 7 here: node ids are 0 to 3"),
    ],
)
def test_no_such_node(n_node: int, text: str) -> None:
    """It names the node and the ids that there are, and is a LookupError as well."""
    error = errors.NoSuchNode(7, n_node)
    assert text == str(error)
    assert (error.node, error.n_node) == (7, n_node)
    assert isinstance(error, LookupError)


def test_recv_timeout() -> None:
    """It tells what was awaited, how long, and what lies unread, and is a TimeoutError as well."""
    error = errors.RecvTimeout(
        "recv from node 1 with tag 2", 0.5, "unread: 1 from node 1 with tag 3"
    )
    assert (
        "recv from node 1 with tag 2: nothing came in 0.5 s; unread: 1 from node 1 with tag 3"
        == str(error)
    )
    assert (error.awaited, error.timeout_s) == ("recv from node 1 with tag 2", 0.5)
    assert error.unmatched == "unread: 1 from node 1 with tag 3"
    assert isinstance(error, TimeoutError)


def test_node_lost() -> None:
    """It names node, peer and reason, in words and as attributes."""
    error = errors.NodeLost(2, "h1", "it was killed")
    assert str(error) == "node 2 on h1 is gone: it was killed"
    assert (error.node, error.peer, error.why) == (2, "h1", "it was killed")
    assert isinstance(error, ConnectionError)
