"""Figures as people read and write them."""

from __future__ import annotations

import doctest

import pytest

from launcher.bench import figures, layout, plot, table
from launcher.errors import BadUsage
from launcher.run import units
from launcher.run.units import (
    bandwidth_text,
    bytes_text,
    duration_text,
    parse_size,
    seconds_text,
    share_text,
    size_text,
    three_digits,
)


@pytest.mark.parametrize("module", [figures, layout, plot, table, units])
def test_examples(module: object) -> None:
    """Every example gives what it shows."""
    assert 0 == doctest.testmod(module).failed  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (4.04e-10, "0.404 ns"),
        (9.994e-7, "999 ns"),
        (9.996e-7, "1.00 µs"),
        (1.5e-4, "150 µs"),
        (0.9996, "1.00 s"),
        (72.5, "72.5 s"),
        (1234.0, "1,230 s"),
    ],
)
def test_times(seconds: float, expected: str) -> None:
    """Three digits in the unit that suits, on both sides of each unit's end."""
    assert expected == seconds_text(seconds)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [(999.4, "999 B/s"), (999.6, "1.00 kB/s"), (5e6, "5.00 MB/s"), (2.5e12, "2,500 GB/s")],
)
def test_bandwidths(figure: float, expected: str) -> None:
    """Powers of ten, on both sides of a unit's end, and without a unit above GB."""
    assert expected == bandwidth_text(figure)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, "1 B"), (1023, "1,023 B"), (1024, "1 KiB"), (64 * 2**20, "64 MiB"), (2**30, "1 GiB")],
)
def test_sizes_both_ways(size: int, expected: str) -> None:
    """What is shown is exact; the same with one letter is read again."""
    assert expected == size_text(size)
    letters = expected.replace(",", "").replace(" ", "").removesuffix("B").removesuffix("i")
    assert size == parse_size(letters)


def test_small_shares_keep_a_digit() -> None:
    """0 % is shown of nothing but nothing."""
    assert ["0.4 %", "1 %", "100 %", "227 %"] == [
        share_text(share) for share in (0.004, 0.01, 1.0, 2.27)
    ]


def test_nothing_is_zero() -> None:
    """A figure of 0 has no first digit."""
    assert "0" == three_digits(0.0)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5M", "64MB", "1T", "٣", "9" * 13])
def test_bad_sizes(text: str) -> None:
    """What is no size is told with what would be one."""
    with pytest.raises(BadUsage, match="write a number of bytes, or 64K, 64M, 1G"):
        parse_size(text)


def test_what_is_read_at_a_glance() -> None:
    """As many digits as one looks at."""
    assert ["0 ms", "1.5 ms", "1.00 s", "1 min 05 s", "2 h 00 min", "–"] == [  # noqa: RUF001
        duration_text(each) for each in (0.0, 0.0015, 1.0, 65.0, 7200.0, None)
    ]
    assert ["0 B", "1,023 B", "1.00 KiB", "12.5 MiB", "1,000 TiB"] == [
        bytes_text(each) for each in (0, 1023, 1024, 12.5 * 2**20, 1000 * 2**40)
    ]
