"""distrcomp.pytest_nodes.on_nodes: which options of the session travel to the nodes.

How a test runs there stands in test_plugin.
"""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.pytest_nodes.on_nodes import _is_plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ("auto", True),
        (["-x", 3, {"a": 0.5}], True),
        (("a", "b"), False),  # it would come back as a list
        ({1: "one"}, False),  # and this key as text
        (object(), False),
        (b"bytes", False),
    ],
)
def test_what_travels(value: Any, expected: bool) -> None:
    """An option goes to the nodes if it arrives as what it was."""
    assert expected == _is_plain(value)


def test_cycles_do_not_travel() -> None:
    """An option that contains itself is left out like others that can't be written down."""
    cycle: list[Any] = []
    cycle.append(cycle)
    assert not _is_plain(cycle)
