"""Both ends copy a large message at once: the receiver asks, and a sender that waits anyway helps.

The kernel copies from process to process page by page, at half the speed of memory or less. While
the receiver reads the front of a piece from the sender's memory (see `offers`), a sender that looks
on can write the back of it into the receiver's, which takes half the time. It may be elsewhere, or
come late, or not be allowed to; then the receiver reads the back as well.

The receiver writes where the back lies and shall lie, then ASKED, the number of this request, and
reads the front. The sender, when it sees a number above the last, writes HELPER, that number times
four: "I am at it". It sets a fence, looks at ASKED once more, and writes only if that still stands;
then HELPER says in its two low bits how it went. A receiver that has read the front and sees no
HELPER for its number takes ASKED back, sets a fence and looks again. One of the two fences comes
first (Dekker's argument): either the sender sees that ASKED is gone, or the receiver sees HELPER
and waits until it says how it went.

What always holds: the sender writes only between the two values of HELPER, and meanwhile the
receiver keeps the memory and the record. It keeps the memory for good if it closes the link just
then. A sender that is stopped just then, between two instructions, keeps the receiver waiting; one
that has ended writes no more.
"""

from __future__ import annotations

from struct import unpack
from time import perf_counter
from typing import Any

from .. import limits
from .arriving import HELP, PART_WORDS, TABLE
from .pull import address_of, write_memory
from .ring import STORES_ARE_ORDERED, WORD_BYTES, RingReader, RingWriter, fence

_ASKED, _HELPER, _COUNT = HELP, HELP + 1, HELP + 2
_DONE, _NOT_DONE, _REFUSED = 1, 2, 3
_STATE = 3
# Below, asking takes as long as half of the copy.
_BYTES_MIN = 96 * limits.KIB
_PAGE = 4096
# How long the receiver looks whether the sender is done; then others have their turn.
_LOOK_S = 200e-6
_written_by_others: list[Any] = []


class Asking:
    """The receiver's side, for one message.

    Args:
        reader: the ring whose record at hand the message is.

    Attributes:
        is_refused: the sender is not allowed to.
    """

    def __init__(self, reader: RingReader) -> None:
        self.is_refused = False
        self._words = reader.words
        self._position = reader.position
        self._number = self._words[self._position + _HELPER] >> 2
        self._back: list[tuple[int, Any]] = []

    @property
    def is_awaited(self) -> bool:
        """Whether the sender may be writing the rest of what was to be read."""
        return bool(self._back)

    def ask(self, pieces: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        """Asks for a part of what is to be read, and returns what the caller shall read itself.

        Args:
            pieces: addresses there, and what to fill from each.
        """
        count = sum(len(target) for _, target in pieces)
        if count < _BYTES_MIN or self.is_refused:
            return pieces
        front, self._back = _cut(pieces, count // 2 & -_PAGE)
        words, position = self._words, self._position
        at = position + TABLE + PART_WORDS - 3
        for address, target in self._back:
            words[at], words[at + 1], words[at + 2] = address, address_of(target), len(target)
            at += PART_WORDS
        words[position + _COUNT] = len(self._back)
        self._number += 1
        if not STORES_ARE_ORDERED:
            fence()
        words[position + _ASKED] = self._number
        return front

    def rest(self) -> list[tuple[int, Any]] | None:
        """What the caller has to read itself after all; None while the sender is writing it."""
        if not self._back:
            return []
        words, helper = self._words, self._position + _HELPER
        ours = self._number << 2
        if words[helper] < ours:
            self._take_back()
        until = perf_counter() + _LOOK_S
        while (state := words[helper]) == ours:
            if perf_counter() > until:
                return None
        if not STORES_ARE_ORDERED:
            fence()
        self.is_refused = state == ours | _REFUSED
        back, self._back = self._back, []
        return [] if state == ours | _DONE else back

    def abandon(self) -> None:
        """Nobody wants the message any more; memory that the sender may be writing is kept."""
        if self._back:
            self._take_back()
            if self._words[self._position + _HELPER] == self._number << 2:
                _written_by_others.append(self._back)

    def _take_back(self) -> None:
        self._words[self._position + _ASKED] = 0
        fence()


def is_asked(writer: RingWriter, position: int) -> bool:
    """Whether the reader of the record at `position` asks for help; anybody may look."""
    words = writer.words
    return words[position + _ASKED] << 2 > words[position + _HELPER]


def help_reader(writer: RingWriter, position: int, n_parts: int, process: int) -> None:
    """Writes what the reader of a record asks for into its memory, if it still does.

    Args:
        position: where the record stands; what it tells of must be there still.
        n_parts: how many parts the message has.
        process: the reader's.
    """
    words = writer.words
    asked = words[position + _ASKED]
    ours = asked << 2
    if ours <= words[position + _HELPER]:
        return
    state = ours | _NOT_DONE
    words[position + _HELPER] = ours
    try:
        fence()
        if words[position + _ASKED] == asked:
            count = min(words[position + _COUNT], n_parts)
            begin = (position + TABLE) * WORD_BYTES
            table = writer.memory[begin : begin + count * PART_WORDS * WORD_BYTES]
            numbers = unpack(f"<{count * PART_WORDS}Q", table)
            columns = (numbers[at::PART_WORDS] for at in (3, 4, 5))
            write_memory(process, list(zip(*columns, strict=True)))
            state = ours | _DONE
    except OSError:
        state = ours | _REFUSED
    except Exception:  # memory is short
        words[position + _HELPER] = state
        raise
    if not STORES_ARE_ORDERED:
        fence()
    words[position + _HELPER] = state


def _cut(
    pieces: list[tuple[int, Any]], count: int
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """The first so many bytes, and the rest."""
    front: list[tuple[int, Any]] = []
    for index, (address, target) in enumerate(pieces):
        if count < len(target):
            if count:
                front.append((address, memoryview(target)[:count]))
            rest = address + count, memoryview(target)[count:] if count else target
            return front, [rest, *pieces[index + 1 :]]
        front.append((address, target))
        count -= len(target)
    return front, []
