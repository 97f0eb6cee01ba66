"""The calls of the compiled copy, each inside a Python frame.

Compiled code has no frames. But `interrupts` and `gate` look for ours to know whether Ctrl-C, or a
call, came inside a call, and messages to a person tell our frames from the program's. So the
communicator calls the compiled `send` and `recv` by these two.

Compiled code doesn't look for signals or for other threads, as the interpreter does at calls and
jumps backwards: both come where it calls Python code, signals also at the end of a call
(`Gate.hears_interrupt`). So between the look at the gate and the store behind it, and between the
stores that publish a record, there is no place for them here either. While compiled code looks for
a message it keeps the GIL and hears no signal; `fast_path` bounds that to some milliseconds, as the
interpreter does itself.
"""

from __future__ import annotations

from typing import Any

from .fast_path import FastPath
from .mailbox import ANY

_send, _recv = FastPath.send, FastPath.recv


def send(self: FastPath, dest: int, obj: Any, tag: int = 0) -> None:
    """See Communicator.send."""
    return _send(self, dest, obj, tag)


def recv(
    self: FastPath,
    source: int = ANY,
    tag: int = ANY,
    *,
    timeout: float | None = None,
    out: Any = None,
    status: Any = None,
) -> Any:
    """See Communicator.recv."""
    if timeout is None and out is None and status is None:
        return _recv(self, source, tag)
    return _recv(self, source, tag, timeout=timeout, out=out, status=status)
