"""What a program may pass as an integer, and the sentence that it gets for anything else."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


def integer(value: Any) -> int:
    """An integer of any kind; floats are cut, as where C takes them.

    Raises:
        TypeError: it is none; a text isn't, whatever it says.
    """
    try:
        if isinstance(value, str | bytes | bytearray):
            raise TypeError
        return int(value)
    except (TypeError, ValueError):
        raise no_integer(value) from None


def exact(value: Any) -> int:
    """An integer of any kind, and nothing else.

    Raises:
        TypeError: it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise no_integer(value) from None


def integers(values: Sequence[Any]) -> list[int]:
    """A sequence of such integers as a list."""
    try:
        count = len(values)
    except TypeError:
        raise TypeError(
            f"a sequence of integers is required, not {type(values).__name__}"
        ) from None
    return [integer(values[i]) for i in range(count)]


def is_below(value: Any, bound: int) -> bool:
    """Whether `value` is from 0 to `bound` - 1.

    Raises:
        TypeError: it is nothing that has an order with integers.
    """
    try:
        return bool(0 <= value < bound)
    except TypeError:
        raise no_integer(value) from None


def no_integer(value: Any) -> TypeError:
    """What to raise for what is no integer."""
    return TypeError(f"an integer is required, not {type(value).__name__}")
