"""A pass that is none."""

from __future__ import annotations

import pytest

from launcher.agent.passing import Pass
from launcher.control.passing import TakePass
from launcher.errors import PeerRefused


@pytest.mark.parametrize("text", ["", "x", "\u00e9", "-----BEGIN CERTIFICATE-----", "a\0b"])
def test_what_is_no_certificate(text: str) -> None:
    """Whatever stands in its place is refused in words, letters beyond ASCII too (S-12)."""
    with pytest.raises(PeerRefused, match="a pass came that is no certificate"):
        Pass(bytes(16), TakePass(0, text, text))
