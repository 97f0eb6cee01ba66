"""distrcomp.mpi_progress: how long one pauses who waits for MPI."""

from __future__ import annotations

from distrcomp.mpi_progress import PAUSE_MAX_S, PAUSE_MIN_S, PAUSE_SHARE, pause_s


def test_pauses_grow_with_the_wait() -> None:
    """A wait becomes at most a twentieth longer by its pauses, within bounds."""
    now, pauses = 0.0, []
    while now < 2.0:
        pauses.append(pause_s(now))
        assert pauses[-1] <= max(PAUSE_MIN_S, now * PAUSE_SHARE)
        now += pauses[-1]
    assert sorted(pauses) == pauses
    assert (PAUSE_MIN_S, PAUSE_MAX_S) == (pauses[0], pauses[-1])


def test_no_pause_beyond_the_time_limit() -> None:
    """The last pause ends when the time is over; none is negative."""
    assert [0.0, 0.0, 0.001] == [pause_s(9.0, left) for left in (-1.0, 0.0, 0.001)]
