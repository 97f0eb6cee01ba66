"""distrcomp.links.offers: records that no node writes."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrcomp import limits
from distrcomp.errors import ProtocolError
from distrcomp.limits import KIB
from distrcomp.links import arriving
from distrcomp.links.offers import Pulling
from distrcomp.links.ring import PULL, RingReader, RingWriter
from tests.distrcomp.links.test_offers import pulled


@pytest.fixture
def ends() -> tuple[RingWriter, RingReader]:
    """Both ends of a ring."""
    area = memoryview(bytearray(16 * KIB))
    return RingWriter(area), RingReader(area, 0)


def offer(*head: int, table: tuple[int, ...] = (), meta: bytes = b"") -> bytes:
    """The payload of an offer: envelope, serial, parts, moved, reading, meta; nobody is asked."""
    parts = [(*table[at : at + 3], 0, 0, 0) for at in range(0, len(table), 3)]
    words = [*head, 0, 0, 0, *(word for part in parts for word in part)]
    return struct.pack(f"<{len(words)}Q", *words) + meta


@pytest.mark.parametrize(
    "payload",
    [
        offer(0, 0, 61, 0, 0, 0, table=(0, 0, 0) * 61),
        offer(0, 0, 2**64 - 1, 0, 0, 0),
        offer(0, 0, 0, 0, 0, 513),
        offer(0, 0, 1, 0, 0, 514, table=(0, 0, 0)),
        offer(0, 0, 0, 0, 0, 2**64 - 1),
        offer(0, 0, 1, 0, 0, 0, table=(0, 0, limits.MESSAGE_BYTES_MAX + 1)),
        offer(0, 0, 2, 0, 0, 0, table=(0, 0, limits.MESSAGE_BYTES_MAX, 0, 0, 1)),
        offer(0, 0, 1, 0, 0, 513, table=(0, 0, limits.MESSAGE_BYTES_MAX + 1)),
    ],
)
def test_an_absurd_offer(ends: tuple[RingWriter, RingReader], payload: bytes) -> None:
    """An offer that no node makes is a ProtocolError before any memory is taken for it."""
    writer, reader = ends
    assert writer.make_room(1 + len(payload) // 8)
    writer.put(PULL, payload, 1 + -(-len(payload) // 8))
    reader.header()
    with pytest.raises(ProtocolError):
        Pulling(reader, os.getpid())


@pytest.mark.parametrize("words_left", [1, 3, 6, 7, 10, 15])
@pytest.mark.parametrize(("parts", "meta_bytes"), [(60, 0), (1, 512), (1, 513), (0, 512)])
def test_an_offer_beyond_the_ring(
    ends: tuple[RingWriter, RingReader], words_left: int, parts: int, meta_bytes: int
) -> None:
    """A table or a meta that would reach beyond the end of the ring is a ProtocolError."""
    _, reader = ends
    position = reader.position = len(reader.words) - words_left
    for index, word in enumerate((PULL, 0, 0, parts, 0, 0, meta_bytes)[:words_left]):
        reader.words[position + index] = word
    with pytest.raises(ProtocolError):
        pulled(reader)


@pytest.mark.parametrize("meta_bytes", [0, 513])
def test_no_memory(
    ends: tuple[RingWriter, RingReader], monkeypatch: pytest.MonkeyPatch, meta_bytes: int
) -> None:
    """A part for which there is no memory is a ProtocolError."""

    def none_left(_: int) -> None:
        raise MemoryError

    monkeypatch.setattr(arriving, "lease", none_left)
    monkeypatch.setattr(arriving, "bytearray", none_left, raising=False)
    writer, reader = ends
    payload = offer(0, 0, 1, 0, 0, meta_bytes, table=(0, 0, 100))
    writer.put(PULL, payload, 16)
    reader.header()
    with pytest.raises(ProtocolError, match="for which there is no memory here"):
        Pulling(reader, os.getpid()).go_on()


def test_an_address_of_nothing(ends: tuple[RingWriter, RingReader]) -> None:
    """An address that the other process does not have is an OSError, wherever it lies."""
    writer, reader = ends
    for address in (0, 1, 2**63, 2**64 - 1):
        writer.put(PULL, offer(0, 0, 1, 0, 0, 0, table=(address, 0, 100)), 16)
        reader.header()
        with pytest.raises(OSError, match="Bad address"):
            Pulling(reader, os.getpid()).go_on()
        reader.skip(16)


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 70) | st.just(513), max_size=40))
def test_any_offer(words: list[int]) -> None:
    """Whatever stands in an offer, it is a message, an OSError or a ProtocolError."""
    area = memoryview(bytearray(4 * KIB))
    writer, reader = RingWriter(area), RingReader(area, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MESSAGE_BYTES_MAX", 10_000)
        writer.put(PULL, struct.pack(f"<{len(words)}Q", *words), 1 + len(words))
        try:
            pulled(reader)
        except (OSError, ProtocolError):
            return
