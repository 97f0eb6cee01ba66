"""How far the clocks of machines are apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from launcher.run.clocks import Clocks

TIMES = st.floats(0, 1e5)


@given(start=TIMES, there=TIMES, there_s=st.floats(0, 1), back_s=st.floats(0, 1), later=TIMES)
def test_the_truth_is_within_what_is_uncertain(
    start: float, there: float, there_s: float, back_s: float, later: float
) -> None:
    """Whatever the way there and back took, a moment is known as well as is said (F-32)."""
    clocks = Clocks()
    number = clocks.ask(3, start)
    clocks.answer(3, number, start + there_s + there, start + there_s + back_s)
    found = clocks.ours(3, later + there)
    assert found is not None
    assert abs(found[0] - later) <= found[1] + 1e-5


def test_the_best_answer_counts() -> None:
    """A slow answer tells nothing new; a quicker one does, and so does a new one when the old one
    has grown too old."""
    clocks = Clocks()
    for asked, at, now in ((0.0, 1000.0, 0.01), (1.0, 1002.5, 3.0)):
        clocks.answer(0, clocks.ask(0, asked), at, now)
    assert (10.005, 0.006) == tuple(round(x, 3) for x in clocks.ours(0, 1010.0) or ())
    clocks.answer(0, clocks.ask(0, 5000.0), 6001.0, 5000.2)
    assert (5000.1, 0.1) == tuple(round(x, 3) for x in clocks.ours(0, 6001.0) or ())


def test_what_nobody_asked() -> None:
    """S-11: an answer without its question, a second one, and nonsense change nothing."""
    clocks = Clocks()
    clocks.answer(0, 1, 5.0, 1.0)
    number = clocks.ask(0, 1.0)
    clocks.answer(1, number, 5.0, 1.0)
    for at in (float("nan"), float("inf")):
        clocks.answer(0, number, at, 1.0)
    clocks.answer(0, number, 5.0, 1.0)
    assert (clocks.ours(0, 5.0), clocks.ours(1, 5.0)) == (None, None)


def test_our_own_clock() -> None:
    """The launcher's own machine has its clock, however long an answer took."""
    clocks = Clocks()
    clocks.is_ours(0)
    clocks.answer(0, clocks.ask(0, 1.0), 1.2, 3.0)
    assert (7.0, 0.0) == clocks.ours(0, 7.0)
    assert (((0.0, 0.0),), 0.0) == (clocks.line(0), clocks.uncertain_s(0))
