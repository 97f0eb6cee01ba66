"""The pytest plugin: `@pytest.mark.nodes(4)` runs a test as a program on four nodes.

The session that the user started collects the test but sets up nothing for it. It starts
`distrcomp run`, each node of which runs pytest for just this test (see in_node), and makes
one report of theirs. So fixtures and parameters are each node's own, and xdist, xfail, skipif and
what else looks at tests from outside sees one ordinary test.

Every pytest session on this machine imports this module: it may import nothing but pytest.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import pytest

IN_NODE = "distrcomp-in-node"
"""The name of the plugin that tells a node's own session from the user's."""

_MARKER = (
    "nodes(n, timeout=60): run this test as a program on n nodes of this machine, in at most "
    "timeout seconds; every node runs it, with fixtures of its own (distrcomp)"
)
_NODES_MAX = 1024


class Nodes(NamedTuple):
    """What the marker asks for."""

    n: int
    timeout: float = 60.0


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves the fixtures of a marked test to its nodes."""
    if _asked(item) is not None and isinstance(item, pytest.Function):
        item.fixturenames = ["tmp_path_factory"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a marked test on its nodes."""
    nodes = _asked(pyfuncitem)
    if nodes is None:
        return None
    from .on_nodes import run_on_nodes

    run_on_nodes(pyfuncitem, nodes.n, nodes.timeout)
    return True


def _asked(item: pytest.Item) -> Nodes | None:
    """What the marker of a test asks for; None without one, and inside a node."""
    mark = item.get_closest_marker("nodes")
    if mark is None or item.config.pluginmanager.has_plugin(IN_NODE):
        return None
    nodes = _parse(mark)
    if nodes is None:
        given = [*map(repr, mark.args), *(f"{k}={v!r}" for k, v in mark.kwargs.items())]
        pytest.fail(
            f"@pytest.mark.nodes({', '.join(given)}): it takes the number of nodes, 1 to "
            f"{_NODES_MAX}, and perhaps timeout=SECONDS, as in @pytest.mark.nodes(4, timeout=30)",
            pytrace=False,
        )
    cls = getattr(item, "cls", None)
    if not isinstance(item, pytest.Function) or (cls and hasattr(cls, "assertEqual")):
        pytest.fail("@pytest.mark.nodes is for test functions, not for unittest's", pytrace=False)
    return nodes


def _parse(mark: pytest.Mark) -> Nodes | None:
    """What a marker asks for; None when that is nothing we know."""
    try:
        nodes = Nodes(*mark.args, **mark.kwargs)
    except TypeError:
        return None
    is_count = _is_number(nodes.n, int) and 1 <= nodes.n <= _NODES_MAX
    is_time = _is_number(nodes.timeout, (int, float)) and 0 < nodes.timeout < inf
    return nodes if is_count and is_time else None


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
