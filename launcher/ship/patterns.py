"""Which paths a set of patterns means, by the paths alone; no I/O.

The patterns are those of `--include` (ship.include), for files that lie on another machine: a
wildcard stands for files of one folder and not for names that begin with a dot; `**` goes into
folders; a plain name of a folder means everything below it, dot files too.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..errors import BadUsage

_ALL = -1  # the state of a path below a folder that was named in full


class Patterns:
    """A set of patterns, each relative to one folder.

    Args:
        patterns: the patterns.

    Raises:
        BadUsage: one is empty, or leaves the folder.

    Example:
        >>> wanted = Patterns(["*.csv", "logs", "deep/**/x.txt"])
        >>> [wanted.match(path) for path in ("a.csv", "b/a.csv", "logs/.1/z", "deep/a/b/x.txt")]
        [True, False, True, True]
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_parts(pattern) for pattern in patterns]

    def match(self, path: str) -> bool:
        """Whether one of the patterns means `path`, a relative one with `/` between its parts."""
        parts = path.split("/")
        return any(_matches(pattern, parts) for pattern in self._patterns)


def _parts(pattern: str) -> tuple[str, ...]:
    path = PurePosixPath(pattern)
    if not pattern or "\0" in pattern or path.is_absolute() or ".." in path.parts:
        raise BadUsage(f"{pattern!r} is no pattern of files below the folder of a node")
    return path.parts


def _matches(pattern: tuple[str, ...], path: list[str]) -> bool:
    """Follows all ways at once to go through the pattern, so no pattern takes long."""
    states = _reached({0}, pattern) if pattern else {_ALL}
    end = len(pattern)
    for index, name in enumerate(path):
        is_file = index == len(path) - 1
        after: set[int] = set()
        for state in states:
            if state == _ALL:
                after.add(_ALL)
            elif state < end and _fits(name, pattern[state]):
                is_last = state == end - 1
                if pattern[state] == "**":
                    after.add(end if is_last and is_file else state)
                elif is_last and not is_file:
                    after |= set() if is_wild(pattern[state]) else {_ALL}
                else:
                    after.add(state + 1)
        states = _reached(after, pattern)
    return bool(states & {_ALL, end})


def _reached(states: set[int], pattern: tuple[str, ...]) -> set[int]:
    """These states, and those that a `**` which stands for no folder leads to."""
    reached = set(states)
    for state in sorted(states):
        while 0 <= state < len(pattern) - 1 and pattern[state] == "**":
            state += 1
            reached.add(state)
    return reached


def is_wild(part: str) -> bool:
    """Whether a part of a pattern stands for more than one name."""
    return any(character in part for character in "*?[")


def _fits(name: str, part: str) -> bool:
    if name.startswith(".") and not part.startswith("."):
        return False
    return part == "**" or fnmatch.fnmatchcase(name, part)
