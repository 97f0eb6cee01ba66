"""Pictures of a run as inline SVG; numbers in, strings out.

No style stands in them: a page's Content-Security-Policy would not let it. Colours are classes, and
how dark a field is, an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, log1p

from .. import limits
from .markup import told
from .results import Phase, Sample
from .units import duration_text

_WIDTH = 1000.0
# The kernel counts processor time in hundredths of a second: shorter spans say nothing.
_SPAN_MIN_S = 0.09
_TOPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def split_bar(parts: Sequence[tuple[str, float]], whole: float, title: str) -> str:
    """A bar of parts, each with the class that colours it; what is left of it stays pale."""
    pieces, x = [], 0.0
    for kind, size in parts:
        width = max(0.0, min(_WIDTH - x, _WIDTH * size / whole if whole > 0 else 0.0))
        if width > 0:
            pieces.append(_rect(kind, x, 0, width, 10))
        x += width
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH:.0f} 10" preserveAspectRatio="none" role="img">'
        f"<title>{told(title)}</title>{_rect('pale', 0, 0, _WIDTH, 10)}{''.join(pieces)}</svg>"
    )


def phase_bar(phase: Phase, whole_s: float) -> str:
    """Where in a launch a phase lies, with a mark where each of its peers was done."""
    scale = _WIDTH / whole_s if whole_s > 0 else 0.0
    begin = phase.began_s * scale
    width = max(3.0, phase.seconds * scale)
    places = sorted({round(begin + seconds * scale, 1) for _, seconds in phase.peers})
    marks = "".join(
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="10"/>'
        for x in places[: limits.PAGE_MARKS_MAX]
    )
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH:.0f} 10" preserveAspectRatio="none" role="img">'
        f"<title>{told(phase.name)}: {duration_text(phase.seconds)}</title>"
        f"{_rect('pale', 0, 0, _WIDTH, 10)}{_rect('p-' + _word(phase.name), begin, 0, width, 10)}"
        f"{marks if len(phase.peers) > 1 else ''}</svg>"
    )


def loads(samples: Sequence[Sample], end: Sample | None) -> list[tuple[float, float, float]]:
    """From samples: begin, end, and how many processors were used between the two.

    Args:
        end: what had been used when the node ended; None where that is not known.

    Example:
        >>> loads([Sample(0.0, 0.5, 1), Sample(2.0, 1.5, 1)], Sample(3.0, 2.5, 1))
        [(0.0, 2.0, 0.5), (2.0, 3.0, 1.0)]
    """
    points: list[Sample] = []
    for sample in [*samples, *([end] if end is not None else [])]:
        if len(points) > 1 and sample.at_s - points[-1].at_s < _SPAN_MIN_S:
            del points[-1]
        points.append(sample)
    return [
        (one.at_s, other.at_s, max(0.0, other.cpu_s - one.cpu_s) / (other.at_s - one.at_s))
        for one, other in pairwise(points)
        if other.at_s > one.at_s
    ]


def nice(number: float) -> float:
    """What a scale ends with that has room for a number.

    Example:
        >>> nice(0.0), nice(0.07), nice(0.8), nice(3.2)
        (0.1, 0.1, 1.0, 4.0)
    """
    return next((top for top in _TOPS if number <= top), float(ceil(number)))


def steps(
    kind: str, values: Sequence[tuple[float, float, float]], span_s: float, top: float, title: str
) -> str:
    """An area of steps over time.

    Args:
        kind: the class that colours it.
        values: begin, end and height of each step.
        span_s: what the picture's width stands for; top: its height.
    """
    across = _WIDTH / span_s if span_s > 0 else 0.0
    path, x_end = "", 0.0
    for begin_s, end_s, value in values:
        x = max(0.0, begin_s) * across
        x_end = min(_WIDTH, max(0.0, end_s) * across)
        y = 40 - 38 * min(1.0, value / top if top > 0 else 0.0)
        path += f"L{x:.1f},{y:.1f}H{x_end:.1f}" if path else f"M{x:.1f},40V{y:.1f}H{x_end:.1f}"
    area = f'<path class="{kind}" d="{path}V40Z"/>' if path else ""
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDTH:.0f} 40" preserveAspectRatio="none" role="img">'
        f'<title>{told(title)}</title><line class="axis" x1="0" x2="{_WIDTH:.0f}" y1="40" y2="40"/>'
        f"{area}</svg>"
    )


def heat_map(
    cells: dict[tuple[int, int], int], n_node: int, kind: str, word: Callable[[int], str]
) -> str:
    """Who talked to whom: a row for each sender, a column for each receiver.

    The colour is logarithmic. Of many nodes several, one after the other, share a field.

    Args:
        cells: the amount from one node to another.
        kind: the class that colours it.
        word: an amount in words.
    """
    share = ceil(n_node / limits.PAGE_HEAT_FIELDS_MAX)
    n_cell = ceil(n_node / share)
    fields: dict[tuple[int, int], int] = {}
    for (source, dest), value in cells.items():
        place = (source // share, dest // share)
        fields[place] = fields.get(place, 0) + value
    top = max(fields.values(), default=0)
    side = max(7.0, min(46.0, 420.0 / n_cell))
    left, size = 40.0, side * n_cell
    pieces = [_rect("field", left, 24, size, size)]
    every = max(1, ceil(n_cell / (size / 26)))
    for index in range(0, n_cell, every):
        at = (index + 0.5) * side
        pieces.append(f'<text class="l" x="{left - 6:.1f}" y="{24 + at + 4:.1f}">')
        pieces.append(f'{index * share}</text><text class="t" x="{left + at:.1f}" y="16">')
        pieces.append(f"{index * share}</text>")
    for (row, column), value in sorted(fields.items()):
        if value > 0:
            shade = 0.1 + 0.9 * (log1p(value) / log1p(top)) ** 2
            names = f"{_nodes(row, share, n_node)} to {_nodes(column, share, n_node)}"
            pieces.append(
                f'<rect class="{kind}" x="{left + column * side:.1f}" y="{24 + row * side:.1f}" '
                f'width="{side - 1:.1f}" height="{side - 1:.1f}" fill-opacity="{shade:.2f}">'
                f"<title>{told(f'{names}: {word(value)}')}</title></rect>"
            )
    width, height = left + size + 4, size + 28
    return (
        f'<svg class="heat" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img"><title>a row for each sender, a column for each '
        f"receiver</title>{''.join(pieces)}</svg>"
    )


def _nodes(index: int, share: int, n_node: int) -> str:
    first, last = index * share, min(n_node, (index + 1) * share) - 1
    return f"node {first}" if first == last else f"nodes {first} to {last}"


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _word(name: str) -> str:
    return name if name.isascii() and name.isalpha() else "other"
