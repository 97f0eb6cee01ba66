"""Figures as a picture: time and bandwidth of arrays against their size, as SVG text; no I/O.

Both axes are logarithmic. The picture has a ground of its own, light or dark as the viewer prefers,
so it can be read wherever it is laid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..run.plain import plain
from ..run.units import bandwidth_text, seconds_text, size_text
from .figures import Figures, PairFigures

Point = tuple[float, float]

_WIDTH, _HEIGHT = 1000, 470
_PANEL_WIDTH, _PANEL_HEIGHT, _PANEL_TOP = 395, 290, 70
_PANEL_LEFTS = (80, 580)
_LEGEND_TOP, _LEGEND_LINE = 420, 20
_TITLE = "Arrays by size, measured by distrcomp bench"
_COLOURS = 4
_CEILINGS = {True: "one memory copy of the same bytes", False: "bare TCP connection"}
_STYLE = """
    .ground { fill: #ffffff } .text { fill: #1f2328; font: 13px sans-serif }
    .title { font-weight: bold; font-size: 16px } .small { font-size: 11px }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    .line { fill: none; stroke-width: 2.2 } .ceiling { stroke-dasharray: 7 5; stroke-width: 1.6 }
    .c0 { stroke: #0550ae } .c1 { stroke: #bc4c00 } .c2 { stroke: #1a7f37 } .c3 { stroke: #8250df }
    .p0 { fill: #0550ae } .p1 { fill: #bc4c00 } .p2 { fill: #1a7f37 } .p3 { fill: #8250df }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .text { fill: #e6edf3 } .grid { stroke: #30363d }
      .c0 { stroke: #79c0ff } .c1 { stroke: #ffa657 } .c2 { stroke: #7ee787 }
      .c3 { stroke: #d2a8ff } .p0 { fill: #79c0ff } .p1 { fill: #ffa657 } .p2 { fill: #7ee787 }
      .p3 { fill: #d2a8ff }
    }
  """


@dataclass(frozen=True)
class _Line:
    """One line of a panel: its points as (bytes, figure), none of them 0."""

    points: tuple[Point, ...]
    colour: int
    is_ceiling: bool


@dataclass(frozen=True)
class _Scale:
    """A logarithmic axis: which place `begin` ... `end` a figure has."""

    low: float
    high: float
    begin: float
    end: float

    def place(self, figure: float) -> float:
        part = math.log(figure / self.low) / math.log(self.high / self.low)
        return self.begin + part * (self.end - self.begin)


def render_svg(figures: Figures) -> str:
    """The picture; sizes that have no place on a logarithmic axis (0 B) are left out."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_height(figures)}" '
        f'width="{_WIDTH}" height="{_height(figures)}" role="img">',
        f"<title>{escape(_TITLE)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_height(figures)}"/>',
        _text(_WIDTH / 2, 28, _TITLE, "title", "middle"),
    ]
    panels = (
        ("Half round trip", lambda _, seconds: seconds, seconds_text),
        ("Bandwidth", lambda size, seconds: size / seconds, bandwidth_text),
    )
    for left, (heading, figure, text) in zip(_PANEL_LEFTS, panels, strict=True):
        lines = [
            line
            for number, pair in enumerate(figures.pairs)
            for line in _lines(number, pair, figure)
        ]
        parts.extend(_panel(left, heading, lines, text))
    parts.extend(_legend(figures))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lines(
    number: int, pair: PairFigures, figure: Callable[[float, float], float]
) -> Iterator[_Line]:
    rows = [row for row in pair.rows if row.group == "arrays" and row.bytes]
    colour = number % _COLOURS
    yield _Line(tuple((row.bytes, figure(row.bytes, row.seconds)) for row in rows), colour, False)
    bare = [(row.bytes, row.ceiling_seconds) for row in rows if row.ceiling_seconds]
    yield _Line(tuple((size, figure(size, seconds)) for size, seconds in bare), colour, True)


def _panel(
    left: float, heading: str, lines: Sequence[_Line], text: Callable[[float], str]
) -> Iterator[str]:
    right, bottom = left + _PANEL_WIDTH, _PANEL_TOP + _PANEL_HEIGHT
    yield _text((left + right) / 2, _PANEL_TOP - 12, heading, "", "middle")
    points = [point for line in lines for point in line.points]
    if not points:
        yield _text((left + right) / 2, (_PANEL_TOP + bottom) / 2, "nothing measured", "", "middle")
        return
    sizes, values = zip(*points, strict=True)
    decades = _powers(10, values)
    across = _Scale(min(sizes), max(max(sizes), 4 * min(sizes)), left, right)
    up = _Scale(decades[0], decades[-1], bottom, _PANEL_TOP)
    for decade in decades:
        y = up.place(decade)
        yield f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
        yield _text(left - 8, y + 4, _round_text(decade, text), "small", "end")
    for size in [each for each in _powers(16, sizes, 64) if across.low <= each <= across.high]:
        x = across.place(size)
        yield f'<path class="grid" d="M{x:.1f} {_PANEL_TOP}V{bottom}"/>'
        yield _text(x, bottom + 18, size_text(int(size)), "small", "middle")
    yield _text((left + right) / 2, bottom + 38, "size of the array", "", "middle")
    for line in lines:
        yield from _drawn(line, across, up)


def _drawn(line: _Line, across: _Scale, up: _Scale) -> Iterator[str]:
    if not line.points:
        return
    places = [(across.place(size), up.place(figure)) for size, figure in line.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    kind = "ceiling" if line.is_ceiling else "messages"
    yield f'<path class="line {kind} c{line.colour}" d="{path}"/>'
    if not line.is_ceiling:
        for x, y in places:
            yield f'<circle class="p{line.colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _legend(figures: Figures) -> Iterator[str]:
    for number, pair in enumerate(figures.pairs):
        y = _LEGEND_TOP + number * _LEGEND_LINE
        plane = "" if pair.is_inside else f", data plane {figures.data_plane}"
        entries = [(_PANEL_LEFTS[0], "messages", f"{pair.title}{plane}")]
        if not pair.ceiling_missing:
            entries.append((_PANEL_LEFTS[1], "ceiling", f"ceiling: {_CEILINGS[pair.is_inside]}"))
        for x, kind, said in entries:
            yield f'<path class="line {kind} c{number % _COLOURS}" d="M{x} {y}h36"/>'
            yield _text(x + 46, y + 4, said, "", "start")


def _height(figures: Figures) -> int:
    return _HEIGHT + _LEGEND_LINE * max(len(figures.pairs) - 2, 0)


def _powers(base: int, figures: Sequence[float], first: float = 1.0) -> list[float]:
    """`first` times powers of `base`, from below the least of the figures to above the largest."""
    low = math.floor(math.log(min(figures) / first, base) + 1e-9)
    high = max(math.ceil(math.log(max(figures) / first, base) - 1e-9), low + 1)
    return [first * float(base) ** power for power in range(low, high + 1)]


def _round_text(figure: float, text: Callable[[float], str]) -> str:
    """A power of ten without the zeros behind the point."""
    number, unit = text(figure).split()
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _text(x: float, y: float, said: str, kind: str, anchor: str) -> str:
    return (
        f'<text class="text {kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(plain(said))}</text>"
    )
