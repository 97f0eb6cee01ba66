r"""What nodes print: bytes ↔ lines, with bounds; no I/O.

A piece is what `LineSplitter` gives: a whole line with its `\n`, or, where no `\n` ends it, a part
of a line: the rest follows in the next pieces of the same stream, unless it was the last.
Everything else here takes pieces and keeps to one rule: where a line is still open and something
else comes, a `\n` parts the two, so that lines are never mixed. No byte is refused.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .. import limits


class LineSplitter:
    r"""Cuts one stream into pieces of at most `line_bytes_max` bytes.

    Where it cuts depends on the bytes alone, not on how they arrive.

    Example:
        >>> splitter = LineSplitter()
        >>> splitter.feed(b"one\ntw")
        [b'one\n']
        >>> splitter.feed(b"o\nend")
        [b'two\n']
        >>> splitter.finish()
        b'end'
    """

    def __init__(self, line_bytes_max: int = limits.LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._open = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that `data` completes, in order."""
        data = self._open + data
        pieces: list[bytes] = []
        start = 0
        while True:
            end = data.find(b"\n", start, start + self._line_bytes_max) + 1
            if not end:
                if len(data) - start < self._line_bytes_max:
                    break
                end = start + self._line_bytes_max
            pieces.append(data[start:end])
            start = end
        self._open = data[start:]
        return pieces

    def finish(self) -> bytes:
        """The last line if it has no end, else nothing."""
        last, self._open = self._open, b""
        return last


class NodeOutput:
    """What the report keeps of one node: stdout and stderr merged in order of arrival.

    Of more than `head_bytes + tail_bytes` it keeps the beginning and the end, whole lines as far as
    possible, with a line between them that says how much was cut and how to keep it.

    Args:
        advice: what that line says of how to keep it; empty where there is no way.
    """

    def __init__(
        self,
        head_bytes: int = limits.OUTPUT_HEAD_BYTES,
        tail_bytes: int = limits.OUTPUT_TAIL_BYTES,
        advice: str = "--output-dir DIR keeps all",
    ) -> None:
        self._advice = f"; {advice}" if advice else ""
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self._head_runs: deque[_Run] = deque()
        self._tail_runs: deque[_Run] = deque()
        self._head_closed = False
        self._cut_bytes = 0
        self._open_stream: bool | None = None  # stdout False, stderr True, no open line None

    def add(self, piece: bytes, *, stderr: bool = False) -> None:
        """Takes the next piece of one stream."""
        if not piece:
            return
        if self._open_stream not in (None, stderr):
            self._keep(b"\n", not stderr)
        self._open_stream = None if piece.endswith(b"\n") else stderr
        self._keep(piece, stderr)

    def text(self) -> str:
        """All that is kept; bytes that are not UTF-8 appear as backslash escapes."""
        self._trim()
        kept = self._head + self._mark().encode() + self._tail
        return kept.decode(errors="backslashreplace")

    def parts(self) -> list[tuple[str, str]]:
        """The same in parts, each with where it comes from: "out", "err", or "cut" for the line
        that says how much was cut."""
        self._trim()
        head, tail = _split(self._head, self._head_runs), _split(self._tail, self._tail_runs)
        mark = self._mark()
        return [*head, *([("cut", mark)] if mark else []), *tail]

    def last_lines(self, n: int) -> list[str]:
        """The last `n` lines without their ends; fewer where fewer are kept at the end."""
        if n < 1:
            return []
        recent = self._tail if self._cut_bytes else self._head + self._tail
        if recent.endswith(b"\n"):
            recent = recent[:-1]
        elif not recent:
            return []
        lines = recent.rsplit(b"\n", n)[-n:]
        return [line.decode(errors="backslashreplace") for line in lines]

    def _mark(self) -> str:
        if not self._cut_bytes:
            return ""
        start = "\n" if self._head and not self._head.endswith(b"\n") else ""
        return f"{start}[... {self._cut_bytes:,} bytes cut{self._advice} ...]\n"

    def _keep(self, piece: bytes, stderr: bool) -> None:
        if not self._head_closed and len(self._head) + len(piece) <= self._head_bytes:
            self._head += piece
            _lengthen(self._head_runs, stderr, len(piece))
            return
        self._head_closed = True
        self._tail += piece
        _lengthen(self._tail_runs, stderr, len(piece))
        if len(self._tail) > 2 * self._tail_bytes:  # seldom, so that each byte moves about once
            self._trim()

    def _trim(self) -> None:
        surplus = len(self._tail) - self._tail_bytes
        if surplus <= 0:
            return
        line_start = self._tail.find(b"\n", surplus - 1) + 1
        cut = line_start if 0 < line_start < len(self._tail) else surplus
        del self._tail[:cut]
        self._cut_bytes += cut
        while cut:
            first = self._tail_runs[0]
            gone = min(cut, first.n_byte)
            first.n_byte -= gone
            cut -= gone
            if not first.n_byte:
                self._tail_runs.popleft()


@dataclass
class _Run:
    """So many bytes of one stream, one after the other."""

    stderr: bool
    n_byte: int


def _lengthen(runs: deque[_Run], stderr: bool, n_byte: int) -> None:
    if runs and runs[-1].stderr is stderr:
        runs[-1].n_byte += n_byte
    else:
        runs.append(_Run(stderr, n_byte))


def _split(data: bytearray, runs: deque[_Run]) -> list[tuple[str, str]]:
    parts, begin = [], 0
    for run in runs:
        text = data[begin : begin + run.n_byte].decode(errors="backslashreplace")
        parts.append(("err" if run.stderr else "out", text))
        begin += run.n_byte
    return parts


class Tagger:
    r"""Puts the pieces of all nodes into one stream: the lines of `--output live` and `raw`.

    One for each destination. The bytes given are to be written as they are, in order.

    Args:
        n_node: the number of nodes; tags are padded to the width of the largest.
        tagged: False for `raw`, which has no tags but keeps lines apart as well.

    Example:
        >>> tagger = Tagger(11)
        >>> tagger.tag(2, b"half a li") + tagger.tag(2, b"ne\n") + tagger.tag(10, b"next\n")
        b'[2]  half a line\n[10] next\n'
    """

    def __init__(self, n_node: int, *, tagged: bool = True) -> None:
        self._width = len(f"[{n_node - 1}]")
        self._tagged = tagged
        self._open_node: int | None = None

    def tag(self, node: int, piece: bytes) -> bytes:
        """What to write for the next piece of `node`."""
        if not piece:
            return b""
        text = piece
        if self._open_node != node:
            text = self.finish() + self._tag(node) + piece
        self._open_node = None if piece.endswith(b"\n") else node
        return text

    def finish(self) -> bytes:
        """The end of a line that is still open, else nothing."""
        was_open, self._open_node = self._open_node is not None, None
        return b"\n" if was_open else b""

    def _tag(self, node: int) -> bytes:
        return f"{f'[{node}]':<{self._width}} ".encode() if self._tagged else b""
