"""distrcomp.benchmark.pair: what is told of a pair, what is left out, and a path that breaks."""

from __future__ import annotations

from typing import Any

import pytest

import distrcomp as dc
from distrcomp.benchmark import pair
from distrcomp.benchmark.works import works

MIB = 2**20


def array(nbytes: int, group: str = "arrays") -> Any:
    """That line of the table."""
    return next(
        work
        for work in works(nbytes)
        if (work.group, work.name, work.payload_bytes) == (group, "", nbytes)
    )


def row(nbytes: int, seconds: float, group: str = "arrays") -> dict[str, Any]:
    """A line that was measured."""
    return {"group": group, "bytes": nbytes, "seconds": seconds}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([row(0, 9.0)], False),  # of nothing nothing follows
        ([row(MIB, 0.2)], False),
        ([row(1024, 1e-3), row(MIB, 0.3)], True),
        ([row(MIB, 0.3, "one way")], False),
        ([row(4 * MIB, 9.0)], False),  # it was measured once already
    ],
)
def test_what_takes_too_long_is_left_out(rows: list[dict[str, Any]], expected: bool) -> None:
    """By the longest array so far, a message of 4 MiB may take a second and no more."""
    assert expected == pair._is_too_slow(array(4 * MIB), rows)
    assert not pair._is_too_slow(works(0)[0], rows)


def test_row() -> None:
    """The median, the extremes and the best of the ceiling, of one message."""
    work = array(MIB)
    rounds = [[3.0, 1.0, 2.0], [0.5, 0.25]]
    samples = [[each * work.pattern.messages for each in one] for one in rounds]
    assert {
        "group": "arrays",
        "name": "",
        "bytes": MIB,
        "seconds": 2.0,
        "seconds_low": 1.0,
        "seconds_high": 3.0,
        "ceiling_seconds": 0.25,
    } == pair._row(work, samples)
    assert pair._row(work, samples[:1])["ceiling_seconds"] is None


@pytest.mark.processes
@pytest.mark.nodes(2)
def test_bare_path_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says whose connection it was, and what broke it."""
    monkeypatch.setattr(pair, "_BROKEN_TIMEOUT_S", 0.01)

    def break_off() -> None:
        raise ConnectionResetError(104, "reset")

    with pytest.raises(dc.LinkFailed, match=r"bare connection to node . broke: .* reset"):
        pair._whole(1 - dc.node_id, break_off)
    dc.sendrecv(1 - dc.node_id, "both have seen it", 1 - dc.node_id)
