"""Stacks as Python's faulthandler writes them, made short for people; strings in, strings out.

Of all threads those of distrcomp itself are left out, and of each stack how we started the program
and what happens inside a call of ours: the call's name remains.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from .. import limits
from .plain import node_list, plain

_HEAD = re.compile(r"(?:Current thread|Thread) 0x[0-9a-fA-F]+.*\(most recent call first\):")
_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+|\?\?\?) in (?P<name>.*)')
_OURS = "distrcomp/"
_STARTERS = ("distrcomp/node.py", "distrcomp/fork_server.py", "<frozen runpy>")
_STARTS_THREADS = "/threading.py"
_OUR_THREADS = "distrcomp/control.py"
_STANDARD = re.compile(r"<frozen |.*/python3\.\d+t?/(?!(?:site|dist)-packages/)")


def short_stacks(text: str) -> list[list[str]]:
    """The lines of each thread of the program, the main thread first.

    Example:
        >>> head = "Current thread 0x0000abcd (most recent call first):"
        >>> frames = ['  File "distrcomp/poller.py", line 9 in wait',
        ...           '  File "distrcomp/communicator.py", line 70 in recv',
        ...           '  File "prog.py", line 3 in <module>',
        ...           '  File "distrcomp/node.py", line 80 in _execute']
        >>> for line in short_stacks("\\n".join([head, *frames]))[0]:
        ...     print(line)
        inside distrcomp's recv
        File "prog.py", line 3 in <module>
    """
    threads: list[list[str]] = []
    for line in text.splitlines():
        if _HEAD.fullmatch(line):
            threads.append([])
        elif line.startswith("  ") and threads:
            threads[-1].append(line)
    shortened = [_short(thread) for thread in reversed(threads) if not _is_ours(thread)]
    return [lines for lines in shortened if lines]


def crash_told(text: str) -> list[str]:
    """What Python wrote when it crashed, made short: what it was, and where."""
    if not text:
        return []
    what = plain(text.splitlines()[0])
    body, why = _body(text, "", limits.STACK_LINES_SHOWN_MAX)
    if why:
        return [what]
    return [f"{what}, here (most recent call first):", *(f"  {line}" for line in body)]


def stacks_told(taken: Sequence[tuple[int, str, str]], *, now: bool = False) -> list[str]:
    """Where nodes were, as lines of a report; those that were at the same place together.

    Args:
        taken: the node, its stacks as Python wrote them, and why there are none.
        now: whether that is now, and somebody wants to see all of it.
    """
    shown_max, lines_max = limits.STACKS_SHOWN_MAX, limits.STACK_LINES_SHOWN_MAX
    if now:
        shown_max = lines_max = sys.maxsize
    groups: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for node, text, why in taken:
        groups.setdefault(_body(text, why, lines_max), []).append(node)
    lines: list[str] = []
    for (body, why), nodes in list(groups.items())[:shown_max]:
        verb = ("is" if now else "was") if len(nodes) == 1 else "are" if now else "were"
        if why:
            lines.append(f"it is not known where {node_list(nodes)} {verb}: {why}")
            continue
        lines.append(f"{node_list(nodes)} {verb} here (most recent call first):")
        lines += [f"  {line}" for line in body]
    surplus = len(groups) - shown_max
    if surplus > 0:
        lines.append(f"and {surplus:,} other places; --report FILE.json has all")
    return lines


def _body(text: str, why: str, lines_max: int) -> tuple[tuple[str, ...], str]:
    """The lines, and why there are none."""
    if why:
        return (), plain(why)
    threads = short_stacks(text)
    if not threads:
        return (), "no thread of the program was seen"
    if len(threads) == 1:
        lines = [plain(line) for line in threads[0]]
    else:
        lines = []
        for number, thread in enumerate(threads, 1):
            lines.append(f"thread {number} of {len(threads)}:")
            lines += [f"  {plain(line)}" for line in thread]
    surplus = len(lines) - lines_max
    if surplus > 0:
        lines[lines_max:] = [f"... and {surplus:,} more lines"]
    return tuple(lines), ""


def _is_ours(frames: Sequence[str]) -> bool:
    return any(_file(frame) == _OUR_THREADS for frame in frames)


def _short(frames: Sequence[str]) -> list[str]:
    kept = list(frames)
    while kept and (_file(kept[-1]) in _STARTERS or _file(kept[-1]).endswith(_STARTS_THREADS)):
        del kept[-1]
    inside = 0
    for number, frame in enumerate(kept, 1):
        if _file(frame).startswith(_OURS):
            inside = number
        elif not _STANDARD.match(_file(frame)):
            break
    lines = [frame.strip() for frame in kept[inside:]]
    if inside:
        found = _FRAME.fullmatch(kept[inside - 1])
        lines.insert(0, f"inside distrcomp's {found['name'] if found else 'code'}")
    return lines


def _file(frame: str) -> str:
    found = _FRAME.fullmatch(frame)
    return found["file"] if found else ""
