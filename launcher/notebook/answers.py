"""What the nodes of a notebook write: their output, and the markers behind it; no I/O."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgpack

from distrcomp.cells import LENGTH, MARK

Answer = dict[str, Any]


def order_frame(order: dict[str, Any]) -> bytes:
    """An order as node 0 reads it."""
    packed: bytes = msgpack.packb(order)
    return LENGTH.pack(len(packed)) + packed


class MarkerFinder:
    """Parts one stream of one node into output and answers.

    Args:
        token: with which the markers begin.
    """

    def __init__(self, token: bytes) -> None:
        self._mark = MARK + token + b" "
        self._held = bytearray()
        self._seen = 0  # where to look on in a marker that has begun: it may be long

    def feed(self, data: bytes) -> list[bytes | Answer]:
        """The output and the answers that `data` completes, in order."""
        self._held += data
        found: list[bytes | Answer] = []
        while True:
            if not self._held.startswith(self._mark):
                begin = self._held.find(self._mark)
                end = len(self._held) - self._may_begin() if begin < 0 else begin
                if end:
                    found.append(bytes(self._held[:end]))
                    del self._held[:end]
                if begin < 0:
                    return found
            end = self._held.find(b"\n", self._seen)
            if end < 0:
                self._seen = len(self._held)
                return found
            found.append(_answer(bytes(self._held[len(self._mark) : end])))
            del self._held[: end + 1]
            self._seen = 0

    def _may_begin(self) -> int:
        """How many bytes at the end may be the beginning of a marker."""
        at_most = min(len(self._held), len(self._mark) - 1)
        for count in range(at_most, 0, -1):
            if self._held.endswith(self._mark[:count]):
                return count
        return 0


def _answer(body: bytes) -> Answer:
    """A marker's content; one that says nothing where it is damaged, as only a cell could do it."""
    try:
        answer = msgpack.unpackb(base64.b64decode(body, validate=True))
    except (ValueError, binascii.Error):
        return {"serial": -1}
    return answer if isinstance(answer, dict) and "serial" in answer else {"serial": -1}
