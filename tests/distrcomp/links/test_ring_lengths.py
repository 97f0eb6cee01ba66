"""distrcomp.links.ring: how the lengths of its records are bounded."""

from __future__ import annotations

import pytest

from distrcomp import limits
from distrcomp.links.ring import LENGTH_MAX, PUT_BYTES, TAKE_BYTES


def test_what_travels_within_the_meta_is_one_record() -> None:
    """The codec and the ring agree on what is small, so no small message goes by STREAM."""
    assert LENGTH_MAX == limits.WITHIN_META_BYTES_MAX


@pytest.mark.parametrize("known", [PUT_BYTES, TAKE_BYTES])
def test_what_is_known_of_lengths_is_bounded(known: dict[int, object]) -> None:
    """A program whose records have ever new lengths does not fill the memory with them."""
    for length in range(3 * limits.LENGTHS_KEPT_MAX):
        assert known[length] is known[length]
    assert len(known) <= limits.LENGTHS_KEPT_MAX
