"""Figures as people read and write them; no I/O."""

from __future__ import annotations

import math
import re

from ..errors import BadUsage

_SIZE = re.compile(r"([0-9]{1,12})([KMG]?)")
_FACTORS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_DASH = "–"  # noqa: RUF001  it stands for a number in a table


def seconds_text(seconds: float) -> str:
    """A time.

    Example:
        >>> seconds_text(0.0000061234), seconds_text(0.0301), seconds_text(2.5)
        ('6.12 µs', '30.1 ms', '2.50 s')
    """
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{three_digits(seconds * factor)} {unit}"
    return f"{three_digits(seconds)} s"


def bandwidth_text(bytes_per_s: float) -> str:
    """Bytes a second, in powers of ten as networks count them.

    Example:
        >>> bandwidth_text(7_312_000_000), bandwidth_text(85_000)
        ('7.31 GB/s', '85.0 kB/s')
    """
    for factor, unit in ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s")):
        if bytes_per_s >= factor * 0.9995:
            return f"{three_digits(bytes_per_s / factor)} {unit}"
    return f"{three_digits(bytes_per_s)} B/s"


def rate_text(per_s: float) -> str:
    """How many a second.

    Example:
        >>> rate_text(812_345.6)
        '812,000/s'
    """
    return f"{three_digits(per_s)}/s"


def size_text(size: int) -> str:
    """A size that somebody has chosen, exactly; in powers of two where it is a whole number.

    Example:
        >>> size_text(65536), size_text(0), size_text(1000)
        ('64 KiB', '0 B', '1,000 B')
    """
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size and size % factor == 0:
            return f"{size // factor:,} {unit}"
    return f"{size:,} B"


def duration_text(seconds: float | None) -> str:
    """How long something took, in units for what goes on for minutes, too.

    Example:
        >>> duration_text(0.0123), duration_text(2.5), duration_text(7325.0)
        ('12.3 ms', '2.50 s', '2 h 02 min')
    """
    if seconds is None:
        return _DASH
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def bytes_text(nbytes: float | None, unknown: str = _DASH) -> str:
    """A number of bytes in a unit that suits it; of None what stands for what is not known.

    Example:
        >>> bytes_text(0), bytes_text(1536), bytes_text(3 * 2**30)
        ('0 B', '1.50 KiB', '3.00 GiB')
    """
    if nbytes is None:
        return unknown
    number, units = float(nbytes), ["TiB", "GiB", "MiB", "KiB", "B"]
    unit = units.pop()
    while number >= 1024 and units:
        number, unit = number / 1024, units.pop()
    digits = 0 if unit == "B" else 2 - (number >= 10) - (number >= 100)
    return f"{number:,.{digits}f} {unit}"


def share_text(share: float) -> str:
    """A part of a whole.

    Example:
        >>> share_text(0.285), share_text(0.0012)
        ('28 %', '0.1 %')
    """
    return f"{share:.0%}".replace("%", " %") if share >= 0.01 else f"{share:.1%}".replace("%", " %")


def three_digits(figure: float) -> str:
    """A figure to three digits, without an exponent.

    Example:
        >>> three_digits(1.2345), three_digits(99.96), three_digits(81234.5)
        ('1.23', '100', '81,200')
    """
    if figure <= 0:
        return "0"
    before = math.floor(math.log10(figure)) + 1
    figure = round(figure, 3 - before)
    before = math.floor(math.log10(figure)) + 1  # 99.96 has become 100
    return f"{figure:,.{max(3 - before, 0)}f}"


def parse_size(text: str) -> int:
    """The bytes in `65536`, `64K`, `64M` or `1G`; raises BadUsage.

    Example:
        >>> parse_size("64K")
        65536
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadUsage(f"{text!r} is not a size: write a number of bytes, or 64K, 64M, 1G")
    return int(match[1]) * _FACTORS[match[2]]
