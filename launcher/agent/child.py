"""A process started for a node, and our ends of what leads to it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from io import FileIO

from .. import limits
from ..records import record
from .stack_file import StackFile


@record
class Start:
    """How to start one node.

    Attributes:
        inherited: descriptors that it gets under the same numbers.
        writes_stacks: whether it gets a file for its stacks, too.
    """

    node: int
    arguments: Sequence[str]
    environment: dict[str, str]
    folder: str
    takes_input: bool
    inherited: tuple[int, ...] = ()
    writes_stacks: bool = False


class ChildLost(Exception):
    """Nobody can tell any more how a process ended."""


class Ends:
    """Pipes, the control socket and the file for the stacks of a node that is to be started.

    Attributes:
        control: our end of the socket.
        stack_file: None where it gets none.
        stdin, stdout, stderr: our ends; no stdin where it gets none.
        given: the node's ends: their numbers there, and the descriptors here.
    """

    def __init__(self, start: Start) -> None:
        self.given: dict[int, int] = {}
        self.stdin: FileIO | None = None
        with contextlib.ExitStack() as undo:
            undo.callback(self.close_given)
            self.stack_file = StackFile() if start.writes_stacks else None
            if self.stack_file is not None:
                undo.callback(self.stack_file.close)
            self.control, theirs = socket.socketpair()
            undo.callback(self.control.close)
            number = theirs.detach()
            self.given[number] = number
            if start.takes_input:
                self.given[0], writer = os.pipe()
                self.stdin = undo.enter_context(FileIO(writer, "wb"))
            self.stdout, self.stderr = undo.enter_context(self._output(1)), self._output(2)
            undo.pop_all()
        self._control_number = number

    def _output(self, number: int) -> FileIO:
        reader, self.given[number] = os.pipe()
        return FileIO(reader, "rb")

    def environment(self, start: Start) -> dict[str, str]:
        """The node's, with the number of its control socket."""
        return start.environment | {"DISTRCOMP_CONTROL_FD": str(self._control_number)}

    def close_given(self) -> None:
        """The node has its ends now."""
        for descriptor in self.given.values():
            os.close(descriptor)
        self.given.clear()

    def close(self) -> None:
        """There will be no node."""
        self.close_given()
        self.control.close()
        for file in (self.stdin, self.stdout, self.stderr, self.stack_file):
            if file is not None:
                file.close()


@record
class Child:
    """A started process.

    Attributes:
        reap: once the process is over and its number is no longer needed: the exit code, negative
            for a signal, and the bytes it has used at most; or raises ChildLost.
    """

    start: Start
    ends: Ends
    pid: int
    reap: Callable[[], Awaitable[tuple[int, int]]]


def start_cold(start: Start) -> Child:
    """Starts a program of its own for the node; raises OSError."""
    ends = Ends(start)
    stacks = [] if ends.stack_file is None else [ends.stack_file.descriptor]
    try:
        process = subprocess.Popen(
            start.arguments,
            stdin=ends.given.get(0, subprocess.DEVNULL),
            stdout=ends.given[1],
            stderr=ends.given[2],
            cwd=start.folder,
            env=ends.environment(start),
            pass_fds=[*(each for each in ends.given if each > 2), *stacks, *start.inherited],
            start_new_session=True,
        )
    except BaseException:
        ends.close()
        raise
    ends.close_given()

    async def reap() -> tuple[int, int]:
        try:
            _, status, usage = os.wait4(process.pid, 0)  # noqa: ASYNC222  it is over
        except ChildProcessError as error:  # somebody else in this process has taken what it left
            process.returncode = 0
            raise ChildLost("something else in its agent has waited for it") from error
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss * limits.KIB

    return Child(start, ends, process.pid, reap)
