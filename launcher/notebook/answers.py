"""What the nodes of a notebook write: their output, and the markers behind it; no I/O."""

from __future__ import annotations

import base64
from typing import Any

import msgpack

from distrcomp.cells import LENGTH, MARK

from .. import limits

Answer = dict[str, Any]
UNREADABLE = -1
"""The serial of an answer that is none."""


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
            if end < 0 and len(self._held) <= limits.CELL_ANSWER_BYTES_MAX:
                self._seen = len(self._held)
                return found
            if end < 0:  # what follows of it is output, of which only so much is kept
                found.append({"serial": UNREADABLE})
                self._held.clear()
                self._seen = 0
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
    """A marker's content, from a machine that may be anybody's by now."""
    try:
        answer = msgpack.unpackb(base64.b64decode(body, validate=True))
    except ValueError:
        return {"serial": UNREADABLE}
    is_answer = isinstance(answer, dict) and isinstance(answer.get("serial"), int)
    return answer if is_answer else {"serial": UNREADABLE}
