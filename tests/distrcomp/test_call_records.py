"""Records of calls: how many there is room for, and how they travel."""

from __future__ import annotations

import pytest

from distrcomp import limits
from distrcomp.call_records import CALLS, RECORD, Recorder
from distrcomp.notices import TO_AGENT


def test_records_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the parts are in which they travel; none is cut."""
    monkeypatch.setattr(limits, "CALLS_PART_BYTES_MAX", 3 * RECORD.size + 5)
    recorder = Recorder(100)
    for began in range(1, 11):
        recorder.note(began, began, 2**64 - 1, -1, -1, -1, 0, 0, 0)
    parts = [TO_AGENT.unpack(TO_AGENT.pack(part)) for part in recorder.parts()]
    found = [each[0] for part in parts for each in RECORD.iter_unpack(part.records)]
    assert list(range(1, 11)) == found
    assert [3, 3, 3, 1] == [len(part.records) // RECORD.size for part in parts]


def test_beyond_the_room_calls_are_counted() -> None:
    """The first ones are kept, the others are told of by number."""
    recorder = Recorder(3)
    for began in range(1, 6):
        recorder.note(began, began, 0, 0, 0, 0, 0, 0, 0)
    (part,) = recorder.parts()
    assert 2 == part.n_dropped
    assert [1, 2, 3] == [each[0] for each in RECORD.iter_unpack(part.records)]


def test_no_calls_are_no_parts() -> None:
    """A node that made none, or has no room, tells nothing."""
    assert [] == list(Recorder(10).parts())
    assert [] == list(Recorder(0).parts())


def test_each_call_has_one_number() -> None:
    """The launcher reads them by it."""
    assert len(set(CALLS)) == len(CALLS)
