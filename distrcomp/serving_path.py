"""The short way of a node that serves others (see services), who must not be kept waiting by it.

Who receives the short way looks at one ring and at nothing else. So while there are services it
looks for a moment only before it goes the long way, where everything is looked at; and as many
messages as fill a part of a ring are received, at most, before one receive goes the long way in any
case.
"""

from __future__ import annotations

from typing import Any

from .fast_path import FastPath, patience
from .links.ring import RingReader
from .mailbox import ANY

# About as long as a message takes that was just sent.
_SPINS = 200
# So many words of a ring are some hundred small messages, which take a tenth of a millisecond.
_ASIDE_AFTER_WORDS = 1024


class ServingPath(FastPath):
    """See FastPath."""

    __slots__ = ()

    def _prepare(self) -> None:
        super()._prepare()
        if self._engine.is_serving:
            self.suit_others()

    def suit_others(self) -> None:
        """A service was begun, or the last one has ended."""
        if not self._engine.is_serving:
            self._spins, self._yields, self._yield_s = patience(self._engine.spins)
            return
        self._spins = range(_SPINS if self._engine.spins else 0)
        self._yields, self._yield_s = range(1), 0.0
        for reader in list(self._readers.values()):
            self._look_soon(reader)

    def know(self, member: int, link: Any) -> None:
        """See LinkPath."""
        super().know(member, link)
        if self._engine.is_serving and (reader := self._readers.get(self._ids.get(member, ANY))):
            self._look_soon(reader)

    def _publish(self, reader: RingReader) -> None:
        super()._publish(reader)
        if self._engine.is_serving:
            self._look_soon(reader)
            self._engine.turn_aside()

    def _look_soon(self, reader: RingReader) -> None:
        reader.publish_at = min(reader.publish_at, reader.position + _ASIDE_AFTER_WORDS)
