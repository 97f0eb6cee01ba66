"""Makes a forked process what a freshly started interpreter would be.

The steps that need thought are here: descriptors, environment, the main thread, the standard
streams, and what others see of the process, /proc/PID/environ and /proc/PID/cmdline. `fork_server`
takes them in order, between those that are one call each: session and process group, folder,
`sys.argv` and `sys.orig_argv`. (`random` sees to its own state.) By its environment as others see
it the processes of a run are found when it is over, those included that a node has forked, so it
must be right. The kernel shows in these files the memory in which the words of the process's own
start lie, and in a forked process these are its parent's: they are written over.
A fork server is therefore started with room for a node's.
What cannot be made anew, because it is settled when an interpreter starts: the seed of `hash`, the
flags, the locale and encodings, what `site` has found. The nodes of one server share them.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

_MEMORY = "/proc/self/mem"
_ARGUMENTS_FIELD = 45  # arg_start in /proc/PID/stat, counted behind the name (proc(5))


class ShownWords:
    """The memory that /proc shows as this process's arguments and environment.

    Raises:
        OSError: it cannot be written here.
    """

    def __init__(self) -> None:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        places = list(map(int, fields[_ARGUMENTS_FIELD : _ARGUMENTS_FIELD + 4]))
        self._arguments, self._environment = places[:2], places[2:]
        with open("/proc/self/environ", "rb") as file:
            self._write(self._environment, file.read())  # nothing changes, but one knows it can be

    def show(self, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
        """From now on these are seen, cut to the room there is.

        The C library's environment must not lie there any more (`take_environment`).
        """
        self._write(self._arguments, b"".join(each + b"\0" for each in arguments))
        self._write(self._environment, b"".join(each + b"\0" for each in environment))

    def _write(self, place: list[int], words: bytes) -> None:
        begin, end = place
        room = end - begin
        memory = os.open(_MEMORY, os.O_WRONLY | os.O_CLOEXEC)
        try:
            # The last byte stays NUL: another one there has a meaning of its own to the kernel.
            os.pwrite(memory, words[: room - 1].ljust(room, b"\0"), begin)
        finally:
            os.close(memory)


def take_free_places(held: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """In the server: moves descriptors to where they are to be, unless something else is there.

    What all nodes share is so moved once, and not in each of them.

    Args:
        held: descriptors, and what numbers these are to have.

    Returns:
        The same; the descriptors may be others.
    """
    moving = _movable(held)
    above = max((max(pair) for pair in held), default=0) + 1
    lifted: list[int] = []
    try:
        for descriptor, _ in moving:
            lifted.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above))
    except OSError:  # there are too many: each node moves them then
        moving = []
    for descriptor, _ in moving:
        os.close(descriptor)
    for descriptor, (_, number) in zip(lifted, moving, strict=False):
        os.dup2(descriptor, number, inheritable=False)
    for descriptor in lifted:
        os.close(descriptor)
    return [(pair[1] if pair in moving else pair[0], pair[1]) for pair in held]


def _movable(held: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of them that can all be moved: where each is to be there is nothing, or another one."""
    moving, n_before = list(held), len(held) + 1
    while len(moving) < n_before:
        n_before = len(moving)
        leaving = {descriptor for descriptor, _ in moving}
        moving = [pair for pair in moving if pair[1] in leaving or not _is_open(pair[1])]
    return moving


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def take_places(held: Sequence[tuple[int, int]]) -> None:
    """Moves descriptors to where they are to be, (descriptor, number) each, and closes all others.

    0, 1 and 2 stay where nothing else is to be there. They alone are inherited by what the program
    starts; the others are ours, and whoever joins a run would see to that anyhow.
    """
    numbers = {number for _, number in held}
    above = max((*numbers, 2)) + 1
    moved = [
        (fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above), number)
        if descriptor in numbers and descriptor != number
        else (descriptor, number)
        for descriptor, number in held
    ]
    for descriptor, number in moved:
        if descriptor != number:
            os.dup2(descriptor, number, inheritable=number <= 2)
        elif number <= 2:
            os.set_inheritable(number, True)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in numbers:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the one by which the folder was read


def take_environment(environment: Sequence[bytes]) -> None:
    """Puts these variables in the place of all that there were."""
    for name in list(os.environb):
        del os.environb[name]
    for setting in environment:
        name, _, value = setting.partition(b"=")
        os.environb[name] = value


def renew_main_thread() -> None:
    """Has the main thread know its number; Python's own fork leaves it that of the parent's."""
    thread: Any = threading.main_thread()
    thread._set_native_id()


def renew_streams() -> None:
    """Makes the standard streams anew: they remember what their descriptors were."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = _stream(descriptor, mode, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(descriptor: int, mode: str, before: Any) -> Any:
    """As the interpreter makes it at its start (create_stdio in CPython's pylifecycle.c)."""
    is_raw = isinstance(before.buffer, io.RawIOBase)
    buffer: Any = open(descriptor, f"{mode}b", 0 if is_raw else -1, closefd=False)  # noqa: SIM115
    (buffer if is_raw else buffer.raw).name = before.name
    stream: Any = io.TextIOWrapper(
        buffer,
        encoding=before.encoding,
        errors=before.errors,
        newline="\n",
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
    stream.mode = mode
    return stream
