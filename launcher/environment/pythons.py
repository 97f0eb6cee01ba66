"""Whether a version of Python fulfils `requires-python`; no I/O.

The clauses of the version specifiers specification (PEP 440), for versions of CPython: numbers
and, for one that is not out yet, a letter and a number.
"""

from __future__ import annotations

import re

from ..errors import BadUsage

_CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*|(?:a|b|rc)\d+)?")
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?((?:a|b|rc)\d+)?\+?")
_FINAL = "z"  # comes after every letter of what is not out yet
_PARTS = 8

_Version = tuple[tuple[int, ...], str]


def fulfils(version: str, clauses: str) -> bool:
    """Whether this version of Python will do.

    Args:
        clauses: as in `requires-python`, parted by commas; "" for any version.

    Raises:
        BadUsage: the clauses can't be understood.

    Example:
        >>> fulfils("3.11.7", ">=3.11, <4"), fulfils("3.11.7", ">=3.12")
        (True, False)
    """
    found = _VERSION.match(version)
    if found is None:
        raise BadUsage(f"{version!r} is no version of Python")
    numbers = tuple(int(part or 0) for part in found.groups()[:3])
    ours = (_padded(numbers), found[4] or _FINAL)
    return all(_meets(ours, clause.strip(), clauses) for clause in clauses.split(",") if clauses)


def _meets(ours: _Version, clause: str, clauses: str) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        raise BadUsage(f"requires-python = {clauses!r} is not understood: write it like '>=3.11'")
    operator, numbers_text, rest = found.groups()
    numbers = tuple(int(part) for part in numbers_text.split("."))
    if rest == ".*":
        is_same = ours[0][: len(numbers)] == numbers
        if operator not in ("==", "!="):
            raise BadUsage(f"requires-python = {clauses!r}: .* stands with == or != only")
        return is_same is (operator == "==")
    theirs = (_padded(numbers), rest or _FINAL)
    match operator:
        case "~=":
            return ours >= theirs and ours[0][: len(numbers) - 1] == numbers[:-1]
        case "==" | "===":
            return ours == theirs
        case "!=":
            return ours != theirs
        case "<=":
            return ours <= theirs
        case ">=":
            return ours >= theirs
        case "<":
            return ours < theirs
        case _:
            return ours > theirs


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, *(0,) * (_PARTS - len(numbers)))
