"""The table of the comparison with mpi4py: medians, ratios, bars, and figures that are missing."""

from __future__ import annotations

import pytest

from benchmarks.versus import table
from benchmarks.versus.works import DISTRCOMP, MPICH, OPENMPI, PYTHON, WORKS, Bar, Rule, Unit, Work


def work(*bars: Bar) -> Work:
    """One piece of work with these bars."""
    return Work("name", "title", ("bounce", "int", 1, 1), bars)


def cells(row: table.Row) -> list[str]:
    """The row as it is printed."""
    return [cell.strip() for cell in table.markdown([row]).splitlines()[2].split("|")[1:-1]]


def test_the_better_stack_is_held_against() -> None:
    """The median of ours to that of the faster of the two; the range is of single rounds."""
    figures = {
        DISTRCOMP: {"send": [1e-6, 2e-6, 9e-6]},
        MPICH: {"send": [4e-6, 4e-6, 3e-6]},
        OPENMPI: {"send": [5e-6, 8e-6, 5e-6]},
    }
    [row] = table.rows_of(work(Bar("send", 1.0)), figures)
    assert (2e-6, 4e-6, MPICH, 0.5, True) == (row.ours, row.theirs, row.stack, row.ratio, row.met)
    assert (0.25, 3.0) == (row.range and tuple(round(each, 9) for each in row.range))
    assert ["title", "2.00 µs", "4.00 µs", "MPICH send", "0.50", "0.25 to 3.00", "1 x", "yes"] == (
        cells(row)
    )


def test_of_rates_the_greater_is_better() -> None:
    """Messages a second: the stack with more of them, and at least so much is asked."""
    figures = {DISTRCOMP: {"send": [9e5]}, MPICH: {"send": [5e5]}, OPENMPI: {"send": [1e6]}}
    bar = Bar("send", 1.0, Rule.RATIO_AT_LEAST, Unit.RATE)
    [row] = table.rows_of(work(bar), figures)
    assert (OPENMPI, 0.9, False) == (row.stack, row.ratio, row.met)
    assert ["900 thousand/s", "1000 thousand/s", "Open MPI send"] == cells(row)[1:4]
    assert ["at least 1 x", "NO"] == cells(row)[6:]


def test_differences_and_figures_by_themselves() -> None:
    """Memory is held by its difference; an idle node by its own figure alone."""
    memory = Bar("memory", 12.0, Rule.DIFFERENCE_AT_MOST, Unit.MEBIBYTES, "memory", ", memory")
    idle = Bar("send", 1.0, Rule.FIGURE_BELOW, Unit.PERCENT)
    figures = {
        DISTRCOMP: {"memory": [20.5], "send": [1.0]},
        PYTHON: {"memory": [8.0]},
        MPICH: {"send": [100.0]},
    }
    [first, second] = table.rows_of(work(memory, idle), figures)
    assert ("title, memory", PYTHON, "+ 12.50", "+ 12 MiB", "NO") == tuple(
        cells(first)[column] for column in (0, 3, 4, 6, 7)
    )
    assert ("1.00 %", "100.00 %", "below 1 %", "NO") == tuple(
        cells(second)[column] for column in (1, 2, 6, 7)
    )


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, ["no figure", "no figure", "-", "-", "-", "1 x", "-"]),
        ({DISTRCOMP: {"send": [1e-3]}}, ["1.00 ms", "no figure", "-", "-", "-", "1 x", "-"]),
        ({MPICH: {"send": [2.0]}}, ["no figure", "2.00 s", "MPICH send", "-", "-", "1 x", "-"]),
    ],
)
def test_missing_figures(figures: table.Figures, expected: list[str]) -> None:
    """What is missing is said so, and no bar is met or missed by it."""
    [row] = table.rows_of(work(Bar("send", 1.0)), figures)
    assert expected == cells(row)[1:]


def test_rows_for_information_have_no_bar() -> None:
    """Without a limit there is a ratio and nothing to meet."""
    figures = {DISTRCOMP: {"send": [1.0]}, MPICH: {"Send": [2.0]}}
    [row] = table.rows_of(work(Bar("Send", None)), figures)
    assert (0.5, None) == (row.ratio, row.met)
    assert ["-", "-"] == cells(row)[6:]


def test_records_are_plain() -> None:
    """A machine gets numbers, with the names of rule and unit."""
    figures = {DISTRCOMP: {"send": [1.0, 3.0]}, MPICH: {"send": [4.0, 4.0]}}
    [record] = table.records(table.rows_of(work(Bar("send", 0.4)), figures))
    assert {
        "work": "name",
        "against": "send",
        "distrcomp": 2.0,
        "theirs": 4.0,
        "stack": MPICH,
        "ratio": 0.5,
        "range": (0.25, 0.75),
        "rule": "ratio_at_most",
        "limit": 0.4,
        "unit": "s",
        "met": False,
    } == record


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, Unit.SECONDS, "no figure"),
        (9.994e-7, Unit.SECONDS, "1.00 µs"),
        (9.996e-6, Unit.SECONDS, "10.0 µs"),
        (99.96e-6, Unit.SECONDS, "100 µs"),
        (1e-3, Unit.SECONDS, "1.00 ms"),
        (2.0, Unit.SECONDS, "2.00 s"),
        (0.126, Unit.PERCENT, "0.13 %"),
        (12.34, Unit.MEBIBYTES, "12.3 MiB"),
        (1234567.0, Unit.RATE, "1235 thousand/s"),
    ],
)
def test_figures_have_three_digits(value: float | None, unit: Unit, expected: str) -> None:
    """Each unit as a person reads it."""
    assert expected == table.figure(value, unit)


def test_every_work_has_its_rows() -> None:
    """What is measured has a bar, a name, and a line of the table even without figures."""
    assert len(WORKS) == len({each.name for each in WORKS})
    rows = [row for each in WORKS for row in table.rows_of(each, {})]
    assert len(rows) == sum(len(each.bars) for each in WORKS) >= len(WORKS)
    lines = table.markdown(rows).splitlines()
    assert len(rows) + 2 == len(lines)
    assert {len(lines[0])} == set(map(len, lines))
