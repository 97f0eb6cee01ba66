"""distrcomp.links.ring: how the lengths of its records are bounded."""

from __future__ import annotations

from distrcomp import limits
from distrcomp.links.ring import LENGTH_MAX


def test_what_travels_within_the_meta_is_one_record() -> None:
    """The codec and the ring agree on what is small, so no small message goes by STREAM."""
    assert LENGTH_MAX == limits.WITHIN_META_BYTES_MAX
