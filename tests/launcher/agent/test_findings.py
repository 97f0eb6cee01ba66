"""What an agent tells of nodes that are looked at."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import pytest

from launcher import limits
from launcher.agent.findings import stacks_of


@dataclass
class Far:
    """A node whose stacks are this text."""

    node: int
    text: str

    async def take_stacks(self) -> tuple[str, str]:
        """Its stacks."""
        return self.text, ""


def test_stacks_of_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All together stay below the bound, which is in bytes, and no letter is cut in two."""
    monkeypatch.setattr(limits, "STACKS_OF_PEER_BYTES_MAX", 31)
    nodes = [Far(0, "\U0001d54f" * 100), Far(1, "short")]
    taken = asyncio.run(stacks_of(nodes, defaultdict(lambda: "/folder")))  # type: ignore[arg-type]
    assert ["\U0001d54f" * 3, "short"] == [each.text for each in taken]


def test_paths_are_made_short() -> None:
    """Files in the folder in which nodes were started are named as their user knows them."""
    (taken,) = asyncio.run(stacks_of([Far(0, 'File "/folder/a.py"')], {0: "/folder"}))  # type: ignore[list-item]
    assert 'File "a.py"' == taken.text


def test_distrcomp_in_an_environment() -> None:
    """Its files are named as anywhere, though they are found by a link there."""
    text = 'File "/kept/x/distrcomp-own/distrcomp/node.py"\nFile "/kept/x/lib/other.py"'
    (taken,) = asyncio.run(stacks_of([Far(0, text)], {0: "/folder"}))  # type: ignore[list-item]
    assert 'File "distrcomp/node.py"\nFile "/kept/x/lib/other.py"' == taken.text
