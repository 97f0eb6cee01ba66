"""distrcomp.links.offers: a sender that is interrupted frees nothing that may be read."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from distrcomp.frames import Message
from distrcomp.limits import KIB, MIB
from distrcomp.links import Pending, offers
from distrcomp.links.offers import Offers
from distrcomp.links.ring import RingReader, RingWriter
from tests.distrcomp.links.test_offers import ends, message, pulled

__all__ = ["ends"]


def test_a_pending_made_before(ends: tuple[RingWriter, RingReader]) -> None:
    """What the sender got while the message was queued tells of it once the offer is retired."""
    writer, reader = ends
    made, pending = Offers(writer), Pending()
    assert pending is made.put(message(100), pending)
    pulled(reader)
    made.retire()
    assert pending.is_out


class Interrupted(RingWriter):
    """A ring whose writer is interrupted just before or after a record can be seen."""

    when = "before"

    def put(self, *args: Any) -> None:
        if self.when == "after":
            super().put(*args)
        raise TimeoutError


class Memory(bytearray):
    """Memory whose end can be seen."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_record_that_is_seen_keeps_its_parts(when: str) -> None:
    """Whatever interrupts the sender, what the receiver may read lives, and nothing else does."""
    area = memoryview(bytearray(16 * KIB))
    writer, reader = Interrupted(area), RingReader(area, 0)
    writer.when = when
    made, memory = Offers(writer), Memory(b"x" * 100)
    lives = weakref.ref(memory)
    with pytest.raises(TimeoutError):
        made.put(Message(0, 1, 2, 5, b"meta", [memoryview(memory)]))
    del memory
    gc.collect()
    assert (when == "after") is (lives() is not None) is bool(made) is bool(reader.header())
    assert (100 + 4) * (when == "after") == made.queued_bytes


def test_a_copy_that_is_seen_lives(
    ends: tuple[RingWriter, RingReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption while the sender copies frees nothing that the receiver may read."""
    writer, reader = ends
    made, sent = Offers(writer), message(MIB)
    pending = made.put(sent)

    def interrupt() -> None:
        if writer.words[offers._MOVED]:
            raise TimeoutError

    monkeypatch.setattr(offers, "fence", interrupt)
    with pytest.raises(TimeoutError):
        made.own()
    monkeypatch.undo()
    assert pending is not None
    assert not pending.is_out
    churn = [b"z" * MIB for _ in range(20)]
    assert sent == pulled(reader)
    assert churn
