"""The numbers of communicators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.errors import CallError
from distrcomp.links.ring import OURS
from distrcomp.spaces import SPACES, Spaces, free_index


def test_reserve_and_release() -> None:
    """A number is one caller's until it is released; the world's is never free."""
    spaces = Spaces()
    assert not spaces.reserve(0)
    assert spaces.reserve(3)
    assert not spaces.reserve(3)
    assert 0b1001 == spaces.used
    spaces.release(3)
    assert spaces.reserve(3)


@given(st.integers(0, 2**40), st.integers(0, 50))
def test_free_index(used: int, skipped: int) -> None:
    """The lowest bits that are not set, one after the other."""
    free = [index for index in range(100) if not used >> index & 1]
    assert free[skipped] == free_index(used, skipped)


def test_no_number_is_left() -> None:
    """When all are used the error says what to do."""
    with pytest.raises(CallError, match="free those not needed"):
        free_index((1 << limits.COMMUNICATORS_MAX + 1) - 1, 0)


def test_numbers_fit_into_a_header() -> None:
    """The highest number of a message space leaves the ring its own."""
    assert limits.COMMUNICATORS_MAX * SPACES + SPACES - 1 < OURS
