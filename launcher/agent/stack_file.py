"""The file into which a node writes where its threads are, and how its agent has it do so.

A file without a name, inherited by the node. The node writes at its end (O_APPEND), the agent reads
it and empties it, so it holds no more than what was written since. Nobody says that a node is done
with writing: it is when nothing has come for a moment.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile

from .. import limits
from .guardian import status_of

_CRASH = "Fatal Python error: "
_STATES = {
    "T": "it is stopped (SIGSTOP): `kill -CONT` lets it go on",
    "t": "a debugger holds it",
    "D": "it is inside the kernel, such as for a file, and heeds no signal",
    "Z": "it has ended",
    "X": "it has ended",
}


class StackFile:
    """One node's file; raises OSError where it cannot be made.

    Attributes:
        descriptor: for the node to inherit.
    """

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("distrcomp-stacks", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        flags = fcntl.fcntl(self.descriptor, fcntl.F_GETFL)
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, flags | os.O_APPEND)

    @property
    def n_bytes(self) -> int:
        """How much the node has written that nobody has read."""
        return os.fstat(self.descriptor).st_size if self.descriptor >= 0 else 0

    def take(self) -> str:
        """What is there, cut to a bound, and no longer is."""
        if self.descriptor < 0:
            return ""
        data = os.pread(self.descriptor, limits.STACKS_BYTES_MAX, 0)
        surplus = self.n_bytes - len(data)
        os.ftruncate(self.descriptor, 0)
        text = data.decode("utf-8", "backslashreplace")
        return f"{text}\n[... {surplus:,} bytes cut ...]\n" if surplus > 0 else text

    def close(self) -> None:
        """The node has ended."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


async def ask_for_stacks(pid: int, number: int, file: StackFile) -> tuple[str, str]:
    """Has a process write its stacks: the text, or "" and why there is none.

    Args:
        pid: the process; it must not be reaped meanwhile.
        number: the signal at which it writes; it is sent only if the process has a handler for it.
    """
    if (state := _state(pid)) in _STATES:
        return "", _STATES[state]
    if not number or not _handles(pid, number):
        return "", "it has not joined the run, or became another program"
    file.take()
    os.kill(pid, number)
    if not await _written(file):
        state = _state(pid)
        return "", _STATES.get(state, f"nothing came within {limits.STACKS_WAIT_S:g} s")
    return file.take(), ""


def crash_of(text: str) -> str:
    """What Python wrote when it crashed, if that is what lies in the file at the end."""
    _, found, rest = text.rpartition(_CRASH)
    return found + rest if found else ""


async def _written(file: StackFile) -> bool:
    """Waits until something has been written and then no more; False: nothing came in time."""
    looks = round(limits.STACKS_WAIT_S / limits.STACKS_LOOK_S)
    settled = round(limits.STACKS_SETTLED_S / limits.STACKS_LOOK_S)
    size = unchanged = 0
    for _ in range(looks):
        await asyncio.sleep(limits.STACKS_LOOK_S)
        unchanged = unchanged + 1 if file.n_bytes == size else 0
        size = file.n_bytes
        if size and unchanged >= settled:
            break
    return size > 0


def _state(pid: int) -> str:
    """The letter that ps(1) shows; "X" where there is no such process any more."""
    return _status_field(pid, "State:") or "X"


def _handles(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal, which otherwise might end it."""
    return bool(int(_status_field(pid, "SigCgt:") or "0", 16) >> (number - 1) & 1)


def _status_field(pid: int, name: str) -> str:
    """The first word of a field of /proc/PID/status; empty where there is none such."""
    lines = status_of(pid).splitlines()
    return next((line.split()[1] for line in lines if line.startswith(name)), "")
