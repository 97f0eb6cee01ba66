"""From figures to the table: medians, the better of the two stacks, ratios and bars. No I/O."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .works import DISTRCOMP, MPICH, OPENMPI, PYTHON, Bar, Rule, Unit, Work

Figures = Mapping[str, Mapping[str, Sequence[float]]]
"""For each stack, for each call, one figure a round."""

HEADINGS = ("work", "distrcomp", "mpi4py", "by", "ratio", "rounds", "bar", "met")
_TITLES = {MPICH: "MPICH", OPENMPI: "Open MPI", PYTHON: PYTHON}
_NONE = "-"


class Row(NamedTuple):
    """One row of the table, in numbers.

    Attributes:
        work: which work.
        bar: what is held against what.
        ours: the median of distrcomp's rounds; None where there is no figure, as in the others.
        theirs: the same of the better other stack.
        stack: which that is.
        ratio: ours to theirs; a difference where the bar is one.
        range: the least and the greatest ratio of a single round.
        met: whether the bar is met; None where there is none, or no figure.
    """

    work: Work
    bar: Bar
    ours: float | None = None
    theirs: float | None = None
    stack: str | None = None
    ratio: float | None = None
    range: tuple[float, float] | None = None
    met: bool | None = None


def rows_of(work: Work, figures: Figures) -> list[Row]:
    """The rows of one piece of work."""
    return [_row(work, bar, figures) for bar in work.bars]


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table that a person and Markdown can read."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    padded = [map(str.ljust, line, widths) for line in cells]
    lines = [f"| {' | '.join(line)} |" for line in padded]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def records(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The rows for a machine to read: seconds, messages a second, percent, MiB."""
    return [
        {
            "work": row.work.name,
            "against": row.bar.theirs,
            "distrcomp": row.ours,
            "theirs": row.theirs,
            "stack": row.stack,
            "ratio": row.ratio,
            "range": row.range,
            "rule": row.bar.rule.name.lower(),
            "limit": row.bar.limit,
            "unit": row.bar.unit.value,
            "met": row.met,
        }
        for row in rows
    ]


def _row(work: Work, bar: Bar, figures: Figures) -> Row:
    ours = figures.get(DISTRCOMP, {}).get(bar.ours, ())
    medians = {
        stack: statistics.median(calls[bar.theirs])
        for stack, calls in figures.items()
        if stack != DISTRCOMP and calls.get(bar.theirs)
    }
    row = Row(work, bar, ours=statistics.median(ours) if ours else None)
    if medians:
        best = max if bar.unit is Unit.RATE else min
        stack = best(medians, key=lambda name: medians[name])
        row = row._replace(theirs=medians[stack], stack=stack)
    if row.ours is not None and row.theirs is not None and row.stack is not None:
        pairs = zip(ours, figures[row.stack][bar.theirs], strict=False)
        single = [_compare(bar, one, other) for one, other in pairs]
        row = row._replace(
            ratio=_compare(bar, row.ours, row.theirs), range=(min(single), max(single))
        )
    return row._replace(met=_is_met(row))


def _compare(bar: Bar, ours: float, theirs: float) -> float:
    return ours - theirs if bar.rule is Rule.DIFFERENCE_AT_MOST else ours / theirs


def _is_met(row: Row) -> bool | None:
    limit = row.bar.limit
    value = row.ours if row.bar.rule is Rule.FIGURE_BELOW else row.ratio
    if limit is None or value is None:
        return None
    if row.bar.rule is Rule.FIGURE_BELOW:
        return value < limit
    return value >= limit if row.bar.rule is Rule.RATIO_AT_LEAST else value <= limit


def _cells(row: Row) -> tuple[str, ...]:
    bar = row.bar
    by = _NONE
    if row.stack:
        by = _TITLES[row.stack] if row.stack == PYTHON else f"{_TITLES[row.stack]} {bar.theirs}"
    sign = "+ " if bar.rule is Rule.DIFFERENCE_AT_MOST else ""
    limit = _NONE
    if bar.limit is not None:
        limit = bar.rule.value.format(bar.limit)
        limit += "" if "x" in bar.rule.value else f" {bar.unit.value}"
    return (
        row.work.title + bar.what,
        figure(row.ours, bar.unit),
        figure(row.theirs, bar.unit),
        by,
        _NONE if row.ratio is None else f"{sign}{row.ratio:.2f}",
        _NONE if row.range is None else f"{row.range[0]:.2f} to {row.range[1]:.2f}",
        limit,
        {True: "yes", False: "NO", None: _NONE}[row.met],
    )


def figure(value: float | None, unit: Unit) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "no figure"
    if unit is Unit.PERCENT:
        return f"{value:.2f} %"
    if unit is Unit.MEBIBYTES:
        return f"{value:.1f} MiB"
    if unit is Unit.RATE:
        return f"{_three_digits(value / 1e3)} thousand/s"
    scale, name = next(
        (pair for pair in ((1.0, "s"), (1e-3, "ms")) if value >= pair[0]), (1e-6, "µs")
    )
    return f"{_three_digits(value / scale)} {name}"


def _three_digits(value: float) -> str:
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"
