"""What a caller may pass as a node id, a tag, or a time to wait; no I/O.

Node ids and tags are what equals an integer: numpy's do, and True and 1.0 are 1, as they are to the
dicts in which the short ways look them up.
"""

from __future__ import annotations

from math import nan
from operator import index
from typing import Any

from . import limits
from .errors import BadTag, BadTimeout, NoSuchNode


def integer(value: Any) -> int | None:
    """`value` as an integer; None if it is none."""
    try:
        return index(value)
    except TypeError:
        pass
    try:
        number = int(value)
        return number if number == value else None
    except (TypeError, ValueError, OverflowError):
        return None


def node_number(node: Any, n_node: int) -> int:
    """A node id as an integer.

    Raises:
        NoSuchNode: it is not an integer from 0 to `n_node` - 1.
    """
    number = integer(node)
    if number is None or not 0 <= number < n_node:
        raise NoSuchNode(node, n_node)
    return number


def tag_number(tag: Any) -> int:
    """A tag as an integer.

    Raises:
        BadTag: it is not an integer from 0 to 2**31-1.
    """
    number = integer(tag)
    if number is None or not 0 <= number <= limits.TAG_MAX:
        raise BadTag(f"{tag!r} is no tag: tags are integers from 0 to {limits.TAG_MAX}")
    return number


def seconds(timeout: float | None) -> float | None:
    """A timeout as it is counted here; None stays None.

    Raises:
        BadTimeout: it is no number of seconds, 0 or more.
    """
    if timeout is None:
        return None
    try:
        number = float(timeout)
    except (TypeError, ValueError, OverflowError):
        number = nan
    if not number >= 0:
        raise BadTimeout(f"{timeout!r} is no timeout: it is a number of seconds, 0 or more")
    return number
