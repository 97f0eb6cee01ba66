"""How far two clocks are apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.examination.clock import Exchange, best_offset

DELAYS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20)


@given(st.floats(-1000, 1000), DELAYS)
def test_the_offset_lies_within_what_is_told(
    ahead_s: float, delays: list[tuple[float, float]]
) -> None:
    """However long messages take, the offset is off by no more than is said (F-32)."""
    exchanges = [
        Exchange(100.0, 0.0, there + back, 100.0 + there + ahead_s) for there, back in delays
    ]
    offset_s, half_s = best_offset(exchanges)
    assert abs(offset_s - ahead_s) <= half_s + 1e-6


def test_the_quickest_counts() -> None:
    """A slow answer says less than a quick one."""
    slow = Exchange(0.0, 0.0, 10.0, 9.0)
    quick = Exchange(10.0, 10.0, 10.2, 12.1)
    assert (2.0, 0.1) == pytest.approx(best_offset([slow, quick]))
