"""Which refusals of strangers are worth a line in the log; no I/O.

A source's first two are, and then one for every tenfold; of all sources together at most
REFUSAL_LINES_MAX at once, and then one in REFUSAL_LINE_INTERVAL_S: who comes from ever new
addresses shall not fill the disk (S-38). A line says how many were left out before it.
"""

from __future__ import annotations

from collections import Counter

from .. import limits


class Refusals:
    """Counts what was refused, and words the lines about it."""

    def __init__(self) -> None:
        self.total = 0
        self._of_source: Counter[str] = Counter()
        self._lines = float(limits.REFUSAL_LINES_MAX)  # that may be written, as of `_since`
        self._since = 0.0
        self._left_out = 0

    def line(self, source: str, why: str, now: float) -> str | None:
        """What to write about a refusal at `now` (monotonic seconds), if anything.

        Args:
            source: the address it came from.
            why: in the words of whoever refused; may repeat what a stranger sent.
        """
        self.total += 1
        if source not in self._of_source and len(self._of_source) >= limits.REFUSED_SOURCES_MAX:
            self._of_source.clear()
        self._of_source[source] += 1
        count = self._of_source[source]
        if count > 2 and str(count).strip("0") != "1":
            return None
        refilled = self._lines + (now - self._since) / limits.REFUSAL_LINE_INTERVAL_S
        self._lines, self._since = min(float(limits.REFUSAL_LINES_MAX), refilled), now
        if self._lines < 1.0:
            self._left_out += 1
            return None
        self._lines -= 1.0
        left_out, self._left_out = self._left_out, 0
        more = f"; {left_out} such lines were left out before" if left_out else ""
        return f"refused {source}: {ascii(why)[1:-1]} ({count} so far{more})"
