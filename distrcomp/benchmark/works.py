"""What is measured between two nodes, in the order of the table."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..limits import KIB, MIB
from .patterns import BOTH_WAYS, ONE_WAY, THERE_AND_BACK, Pattern

# Array sizes: nothing, then powers of 4 from 64 bytes to 1 GiB.
SIZES = (0, *(4**power for power in range(3, 16)))
_BOTH_WAYS_SIZES = (MIB, 16 * MIB)


class Work(NamedTuple):
    """One line of the table.

    Attributes:
        group: "objects", "arrays", "one way" or "both ways".
        name: what the message is; empty for an array, which its size tells.
        payload_bytes: how long the message is, pickled where it is no array.
        make: makes the message.
    """

    group: str
    name: str
    payload_bytes: int
    pattern: Pattern
    make: Callable[[], Any]


def works(bytes_max: int) -> list[Work]:
    """All that is measured, with arrays up to `bytes_max`; the same on both nodes.

    Example:
        >>> [work.name for work in works(0)][:2]
        ['int', 'small dict']
    """
    sizes = [size for size in SIZES if size <= bytes_max]
    both_ways = [size for size in _BOTH_WAYS_SIZES if size <= bytes_max] or sizes[-1:]
    return [
        *(_object("objects", name, THERE_AND_BACK, make) for name, make in _OBJECTS.items()),
        *(_array("arrays", THERE_AND_BACK, size) for size in sizes),
        _object("one way", "int", ONE_WAY, _OBJECTS["int"]),
        *(_array("both ways", BOTH_WAYS, size) for size in both_ways),
    ]


_OBJECTS: dict[str, Callable[[], Any]] = {
    "int": lambda: 7,
    "small dict": lambda: {"step": 7, "loss": 0.25, "name": "a"},
    "str, 100 characters": lambda: "x" * 100,
    "list, 1,000 floats": lambda: [number / 7 for number in range(1000)],
    "dict, 10 arrays of 100 KiB": lambda: {
        f"a{number}": np.ones(100 * KIB, np.uint8) for number in range(10)
    },
}


def _object(group: str, name: str, pattern: Pattern, make: Callable[[], Any]) -> Work:
    return Work(group, name, len(pickle.dumps(make(), protocol=5)), pattern, make)


def _array(group: str, pattern: Pattern, size: int) -> Work:
    return Work(group, "", size, pattern, lambda: np.ones(size, np.uint8))
