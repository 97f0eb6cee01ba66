"""Inline metadata of programs."""

from __future__ import annotations

import pytest

from launcher.environment.metadata import Metadata, read_metadata
from launcher.errors import BadUsage

WHOLE = """#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "six>=1.0",
#   "rich",
# ]
#
# [tool.distrcomp]
# n = 4
# include = ["data/*.csv"]
# ///
import six
"""


def block(*lines: str) -> str:
    """A program with such a block."""
    return "\n".join(["# /// script", *(f"# {line}" for line in lines), "# ///", "print()\n"])


def test_the_whole_block() -> None:
    """Dependencies, Python and our own table are read."""
    expected = Metadata(("six>=1.0", "rich"), ">=3.11", {"n": 4, "include": ["data/*.csv"]})
    assert expected == read_metadata(WHOLE, "a.py")


@pytest.mark.parametrize(
    "source",
    ["", "import six\n", "# /// script\n# dependencies = ['x']\n", "# /// other\n# a = 1\n# ///\n"],
)
def test_a_program_without(source: str) -> None:
    """No block, one that never ends, or another tool's, says nothing."""
    assert Metadata() == read_metadata(source, "a.py")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (block("a = 1") + block("a = 1"), "has 2 blocks"),
        (block("dependencies = ["), "is no TOML"),
        (block('dependencies = "six"'), "`dependencies` in its block"),
        (block("dependencies = [1]"), "`dependencies` in its block"),
        (block("requires-python = 3.11"), "`requires-python` in its block"),
        (block("[tool]", "distrcomp = 3"), "`tool.distrcomp` in its block"),
    ],
)
def test_what_is_not_understood(source: str, why: str) -> None:
    """It is one sentence that names the program and the place."""
    with pytest.raises(BadUsage, match=f"^a.py.*{why}"):
        read_metadata(source, "a.py")
