"""The fixture of what every link promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.distrcomp.links.kit import KINDS, Pair, link_pair


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends of each kind of link; the first one is node 0's."""
    with link_pair(request.param) as ends:
        yield ends
