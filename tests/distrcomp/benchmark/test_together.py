"""Collective calls that all nodes measure."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest

import distrcomp as dc
from distrcomp.benchmark import together
from distrcomp.limits import KIB, MIB


def test_lengths_are_those_of_what_is_made() -> None:
    """An array's own bytes, of an int the pickle's; a barrier carries nothing."""
    for work in together.works(64 * KIB):
        made = work.make()
        if made is None:
            assert ("barrier", 0) == (work.name, work.payload_bytes)
        elif isinstance(made, np.ndarray):
            assert made.nbytes == work.payload_bytes
        else:
            assert len(pickle.dumps(made, protocol=5)) == work.payload_bytes


def test_no_array_is_longer_than_asked_for() -> None:
    """Each call is measured with an int and with every size up to the bound, perhaps none."""
    for bytes_max, sizes in ((KIB - 1, []), (MIB, [KIB, 64 * KIB, MIB])):
        found = [work for work in together.works(bytes_max) if work.name == "allreduce"]
        assert ["int", *[""] * len(sizes)] == [work.message for work in found]
        assert sizes == [work.payload_bytes for work in found if not work.message]


@pytest.mark.processes
@pytest.mark.nodes(3)
def test_node_0_tells_what_the_slowest_node_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their clocks show: here node 1's goes ten times as fast as those of the others."""
    rate = 10.0 if dc.node_id == 1 else 1.0

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now * rate
            now += 1.0

    monkeypatch.setattr(together, "perf_counter", ticks().__next__)
    rows = together.measure(KIB, 0.01)
    if dc.node_id == 0:
        works = together.works(KIB)
        assert [(work.name, work.payload_bytes) for work in works] == [
            (row["name"], row["bytes"]) for row in rows
        ]
        assert {10.0} == {row["seconds_high"] for row in rows}
    else:
        assert [] == rows
