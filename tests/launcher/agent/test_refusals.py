"""What an agent writes about those whom it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher import limits
from launcher.agent.refusals import Refusals


def test_lines_of_one_source() -> None:
    """Who comes again and again gets two lines, and then one for every tenfold (S-38)."""
    refusals = Refusals()
    lines = [refusals.line("h9", "no", 0.0) for _ in range(1000)]
    assert [1, 2, 10, 100, 1000] == [number for number, line in enumerate(lines, 1) if line]
    assert "refused h9: no (1000 so far)" == lines[-1]
    assert 1000 == refusals.total


def test_lines_of_many_sources() -> None:
    """Who comes from ever new addresses can't fill the log, and what is left out is told (S-38)."""
    refusals = Refusals()
    lines = [refusals.line(f"10.0.{n // 256}.{n % 256}", "no", 0.0) for n in range(5000)]
    assert limits.REFUSAL_LINES_MAX == sum(line is not None for line in lines)
    later = refusals.line("h9", "no", limits.REFUSAL_LINE_INTERVAL_S)
    left_out = 5000 - limits.REFUSAL_LINES_MAX
    assert f"refused h9: no (1 so far; {left_out} such lines were left out before)" == later
    assert refusals.line("h10", "no", limits.REFUSAL_LINE_INTERVAL_S) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are not remembered without end (S-15)."""
    monkeypatch.setattr(limits, "REFUSED_SOURCES_MAX", 10)
    refusals = Refusals()
    for number in range(1000):
        refusals.line(f"h{number}", "no", 0.0)
        assert len(refusals._of_source) <= 10


@given(why=st.text())
def test_one_line_each(why: str) -> None:
    """Whatever a stranger sent, it is shown escaped, on one line (S-37, S-38)."""
    line = Refusals().line("h9", why, 0.0)
    assert line is not None
    assert line.isprintable()
    assert line.isascii()
