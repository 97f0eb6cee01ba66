"""The live status on a terminal while a run goes: a table of nodes, before it bars of shipping.

A view draws in the calls of its owner and has no thread. Calls may come at any rate: what comes
within an eighth of a second of the last drawing is kept for the next. The table is on stderr and
is gone at the end, so that the report stands alone. rich is imported only when a view is entered.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .. import limits
from ..records import record
from .plain import counted, plain
from .units import bytes_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

# Lines around the rows: head, rule, total, and the line of the prompt.
_FRAME_LINES = 4
# What the terminal shows of Ctrl-C must not break a line, or the table is drawn beside itself.
_ECHO_COLUMNS = 4
_STYLES = {
    "running": "cyan",
    "waiting": "yellow",
    "finished": "green",
    "failed": "red",
    "lost": "red",
}


@record
class Row:
    """One node as the table shows it; `seconds` None while it has not started.

    `waits_for` is shown in the place of the last line, where it is not empty.
    """

    node: int
    peer: str
    state: str
    seconds: float | None
    last_line: str
    waits_for: str = ""


class View:
    """What is shown of a run's progress; by itself nothing, but it says what must be said."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def is_due(self) -> bool:
        """Whether an `update` now would be drawn."""
        return False

    def update(self, rows: Sequence[Row], total_s: float, run: str = "") -> None:
        """Shows the nodes, how long the run has taken, and what it is called."""

    def shipping(self, done_bytes: int, total_bytes: int, peer: str = "") -> None:
        """Shows how much of what `peer` lacks has been sent; until the first `update`."""

    def preparing(self, peer: str, text: str) -> None:
        """Shows how far `peer` is with the program's environment; until the first `shipping`."""

    def starting(self, n_node: int) -> None:
        """Shows that all is shipped and the nodes are being started; until the first `update`."""

    def collecting(self, peer: str, done_bytes: int, what: str) -> None:
        """Shows how much has come back from `peer`, and what of; in the place of the nodes."""

    def say(self, text: str) -> None:
        """Tells the person something that stays."""
        if sys.stderr is not None:
            sys.stderr.write(f"distrcomp: {text}\n")
            sys.stderr.flush()


class LiveView(View):
    """The view on a terminal.

    Args:
        console: where to draw; by default stderr.
        clock: monotonic seconds.
    """

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._drawn_at = float("-inf")
        self._shipped: dict[str, tuple[int, int]] = {}
        self._prepared: dict[str, str] = {}
        self._collected: dict[str, str] = {}

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        if self._console is None:
            self._console = Console(stderr=True)
        # rich would send this process's stdout to the table's console, even out of a pipe.
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def is_due(self) -> bool:
        return self._clock() - self._drawn_at >= 1 / limits.TABLE_REFRESHES_PER_S

    def update(self, rows: Sequence[Row], total_s: float, run: str = "") -> None:
        if self._console is not None:
            rows_max = min(limits.TABLE_ROWS_MAX, self._console.height - _FRAME_LINES)
            width = max(_ECHO_COLUMNS, self._console.width - _ECHO_COLUMNS)

            def table() -> RenderableType:
                made = status_table(rows, total_s, rows_max, run)
                made.width = width
                return made

            self._draw(table)

    def shipping(self, done_bytes: int, total_bytes: int, peer: str = "") -> None:
        self._shipped[peer] = (done_bytes, total_bytes)
        self._draw(lambda: shipping_bars(self._shipped))

    def preparing(self, peer: str, text: str) -> None:
        self._prepared[peer] = text
        self._draw(lambda: lines_by_peer("environment on", self._prepared))

    def starting(self, n_node: int) -> None:
        from rich.text import Text

        self._drawn_at = float("-inf")  # this comes once, and what it replaces is no longer so
        self._draw(lambda: Text(f"starting {counted(n_node, 'node')}"))

    def collecting(self, peer: str, done_bytes: int, what: str) -> None:
        self._collected[peer] = f"{bytes_text(done_bytes)}  {what}"
        self._draw(lambda: lines_by_peer("files from", self._collected))

    def say(self, text: str) -> None:
        """Tells the person something that stays, above the table."""
        from rich.text import Text

        if self._console is not None:
            self._console.print(Text(f"distrcomp: {text}"))

    def _draw(self, picture: Callable[[], RenderableType]) -> None:
        if self._live is None or not self.is_due():
            return
        self._drawn_at = self._clock()
        self._live.update(picture(), refresh=True)


def status_table(rows: Sequence[Row], total_s: float, rows_max: int, run: str = "") -> Table:
    """A line for each node, or the number of nodes in each state where they are too many."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, expand=True, caption_justify="left")
    name = f"run {plain(run)}: " if run else ""
    table.caption = Text(f"{name}{counted(len(rows), 'node')}, {total_s:.1f} s")
    if len(rows) > rows_max:
        table.add_column("nodes", justify="right", no_wrap=True)
        table.add_column("state", ratio=1, no_wrap=True, overflow="ellipsis")
        for state, count in sorted(Counter(row.state for row in rows).items()):
            table.add_row(str(count), Text(plain(state), style=_STYLES.get(state, "")))
        return table
    table.add_column("node", justify="right", no_wrap=True)
    table.add_column("peer", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("state", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("last line", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(
            str(row.node),
            Text(plain(row.peer)),
            Text(plain(row.state), style=_STYLES.get(row.state, "")),
            "" if row.seconds is None else f"{row.seconds:.1f}",
            Text(
                plain((row.waits_for or row.last_line)[: limits.TABLE_LINE_CHARS_MAX]),
                style="dim" if row.waits_for else "",
            ),
        )
    return table


def lines_by_peer(what: str, said: dict[str, str]) -> RenderableType:
    """A line for each peer, or for as many as there is room for."""
    from rich.table import Table
    from rich.text import Text

    rows = list(said.items())[: limits.TABLE_ROWS_MAX]
    names = [f"{what} {plain(peer)}" for peer, _ in rows]
    lines = Table.grid(padding=(0, 1), expand=True)
    lines.add_column(no_wrap=True, overflow="ellipsis", width=min(32, max(map(len, names))))
    lines.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for name, (_, text) in zip(names, rows, strict=True):
        lines.add_row(Text(name), Text(plain(text[: limits.TABLE_LINE_CHARS_MAX])))
    return lines


def shipping_bars(shipped: dict[str, tuple[int, int]]) -> RenderableType:
    """A bar for each peer, or one bar for all where they are too many."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    if len(shipped) > limits.TABLE_ROWS_MAX:
        done = sum(done for done, _ in shipped.values())
        total = sum(total for _, total in shipped.values())
        shipped = {counted(len(shipped), "peer"): (done, total)}
    bars = Table.grid(padding=(0, 1))
    bars.add_column(no_wrap=True, overflow="ellipsis", max_width=32)
    bars.add_column(width=40)
    bars.add_column(justify="right", no_wrap=True)
    for peer, (done, total) in shipped.items():
        name = Text(f"shipping to {plain(peer)}" if peer else "shipping")
        bar = ProgressBar(total=max(total, 1), completed=done if total else 1)
        bars.add_row(name, bar, f"{done / limits.MIB:.1f} of {total / limits.MIB:.1f} MiB")
    return bars
