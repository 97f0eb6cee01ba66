"""What the stress test says about counts and memory."""

from __future__ import annotations

import pytest

from tests.stress import tally


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], (0, 0)),
        ([30], (20, 0)),
        ([30] * 199 + [99], (89, 0)),
        (list(range(10, 410)), (399, 200)),
        ([10] * 100 + [500] + [10] * 299, (490, 0)),
    ],
)
def test_growth(samples: list[int], expected: tuple[int, int]) -> None:
    """A peak is told as it is; only what stays counts as creeping, and only over many rounds."""
    assert expected == tally.growth(samples, 10)


def test_report() -> None:
    """All nodes together, in all and a second; the worst node's memory."""
    nodes = [
        {"counts": {"messages": 10}, "seconds": 2.0, "peak": 2**20, "creep": 0, "links": ["A"]},
        {"counts": {"messages": 20}, "seconds": 1.5, "peak": 2**21, "creep": 5, "links": ["B"]},
    ]
    lines = tally.report(nodes).splitlines()
    assert ["messages", "30", "15.0", "/s"] == lines[0].split()
    assert "links: A, B" == lines[1]
    assert "at most 2.0 MiB above the start" in lines[2]
