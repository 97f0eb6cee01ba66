"""distrcomp.preamble: the first bytes on a connection between machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp.errors import ProtocolError
from distrcomp.preamble import MAGIC, PREAMBLE_BYTES, Preamble, pack_preamble, parse_preamble

NODES = st.integers(0, 2**32 - 1)
PREAMBLES = st.builds(Preamble, st.binary(min_size=16, max_size=16), NODES, NODES)


@given(PREAMBLES)
def test_round_trip(preamble: Preamble) -> None:
    """A preamble comes back as it was, always of the same size."""
    data = pack_preamble(preamble)
    assert len(data) == PREAMBLE_BYTES
    assert parse_preamble(data) == preamble


@given(PREAMBLES)
def test_every_cut_and_trailing(preamble: Preamble) -> None:
    """No beginning of a preamble is one, nor is one with a byte after it."""
    data = pack_preamble(preamble)
    for wrong in [*(data[:cut] for cut in range(PREAMBLE_BYTES)), data + b"\0"]:
        with pytest.raises(ProtocolError):
            parse_preamble(wrong)


@given(st.binary(min_size=PREAMBLE_BYTES, max_size=PREAMBLE_BYTES))
def test_any_bytes(data: bytes) -> None:
    """Bytes without the magic word are refused (S-02)."""
    if not data.startswith(MAGIC):
        with pytest.raises(ProtocolError):
            parse_preamble(data)


def test_is_no_tls() -> None:
    """No TLS connection begins like it, so that one port serves both."""
    assert MAGIC[0] != 0x16
