"""Announcing and hearing by multicast; over a network in tests/hosts/test_discovery.py."""

from __future__ import annotations

import pytest

from launcher.cluster import multicast
from launcher.errors import CannotStart


def test_without_zeroconf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing it is said how to get it."""
    monkeypatch.setattr(multicast, "is_there", lambda: False)
    with pytest.raises(CannotStart, match=r"pip install 'distrcomp\[discover\]'"):
        multicast.require()
