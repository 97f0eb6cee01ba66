"""The real command line, as a user has it: a machine to type on and what it prints.

A `Machine` is a folder with a home, a temporary folder and a folder to work in, and an environment
that holds nothing of the test's own. Every command starts in a session of its own, as from a shell.
At the end of the test each command that still runs is interrupted, and killed if that won't do; the
rest of its processes are the leak checker's affair.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, TypedDict, Unpack

from tests.leaks import TAG, LeakChecker

# All that a command gets of the environment in which the tests were started.
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
LINE_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class How(TypedDict, total=False):
    """How a command is started.

    `cwd` is the machine's `work_dir` unless given; `env` changes variables, None takes one away;
    `stdin` is fed to the command and then closed.
    """

    cwd: Path
    env: Mapping[str, str | None]
    stdin: str | bytes


class Result(NamedTuple):
    """How a command ended: its exit code and all that it printed.

    Bytes that are not UTF-8 are kept: `out.encode("utf-8", "surrogateescape")` gives all of them.
    """

    code: int
    out: str
    err: str


def heed_signals() -> None:
    """Heeds those again that whoever started this process had it ignore."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


class Command:
    """A command that runs.

    Two threads read what it prints, so it never waits for the test, and a third feeds its stdin.
    """

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes) -> None:
        self.pid = process.pid
        self._process = process
        self._printed = threading.Condition()
        self._out = bytearray()
        self._err = bytearray()
        self._open_count = 2
        pumps = [
            (self._read, (process.stdout, self._out)),
            (self._read, (process.stderr, self._err)),
            (self._feed, (process.stdin, stdin)),
        ]
        self._threads = [threading.Thread(target=do, args=args, daemon=True) for do, args in pumps]
        for thread in self._threads:
            thread.start()

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return _text(self._out)

    @property
    def err(self) -> str:
        """What it has printed to stderr so far."""
        return _text(self._err)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_for_line(self, text: str, timeout: float = LINE_TIMEOUT_S) -> str:
        """The first whole line, of stdout or else stderr, that contains `text`.

        Raises:
            AssertionError: no such line came in time, or the command closed its output before.
        """
        deadline = time.monotonic() + timeout
        with self._printed:
            while (line := self._line_with(text)) is None:
                remaining_s = deadline - time.monotonic()
                if not self._open_count or remaining_s <= 0:
                    why = "in time" if self._open_count else "before its output ended"
                    raise AssertionError(f"no line with {text!r} {why}; {self._so_far()}")
                self._printed.wait(remaining_s)
        return line

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to the command's process group, as a terminal sends it."""
        self.send_signal(signal.SIGINT)

    def send_signal(self, number: int) -> None:
        """A signal to the command's process group."""
        if self.is_running:  # afterwards the number may be another group's
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """kill -9 of the command's first process alone."""
        self._process.kill()

    def wait(self, timeout: float = 60) -> Result:
        """How it ended.

        Raises:
            AssertionError: it has not ended in time, or something still holds its output open.
        """
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still runs after {timeout:g} s; {self._so_far()}") from error
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._open_count:
            raise AssertionError(f"ended, but its output is still held open; {self._so_far()}")
        return Result(self._process.returncode, self.out, self.err)

    def end(self) -> None:
        """Ends the command if it still runs; one that heeds no interrupt is killed.

        Raises:
            AssertionError: it had to be killed, or something still holds its output open.
        """
        self.interrupt()
        try:
            self.wait(STOP_TIMEOUT_S)
        finally:
            self._process.kill()
            self._process.wait()

    def _line_with(self, text: str) -> str | None:
        lines = [*_whole_lines(self._out), *_whole_lines(self._err)]
        return next((line for line in lines if text in line), None)

    def _so_far(self) -> str:
        return f"exit code {self._process.poll()}\nstdout:\n{self.out}\nstderr:\n{self.err}"

    def _read(self, stream: IO[bytes], printed: bytearray) -> None:
        with stream:
            while data := os.read(stream.fileno(), 65536):
                with self._printed:
                    printed += data
                    self._printed.notify_all()
        with self._printed:
            self._open_count -= 1
            self._printed.notify_all()

    def _feed(self, stream: IO[bytes], data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError), stream:
            stream.write(data)


class Machine:
    """A place to type commands at.

    Args:
        folder: made if missing; holds `home`, `tmp` and `work`.
        checker: to mark what is started and to hold `tmp` to be empty at the end.
        prefix: words before every command, such as `ip netns exec NAME`.
    """

    def __init__(self, folder: Path, checker: LeakChecker, prefix: Sequence[str] = ()) -> None:
        self.home = folder / "home"
        self.temp_dir = folder / "tmp"
        self.work_dir = folder / "work"
        self._prefix = prefix
        self._tag = checker.tag
        self._commands: list[Command] = []
        for path in (self.temp_dir, self.work_dir):
            path.mkdir(parents=True)
        checker.temp_dirs.append(self.temp_dir)

    def close(self) -> None:
        """Ends every command; having had to kill one is an error, raised once all have ended."""
        with contextlib.ExitStack() as stack:
            for command in self._commands:
                stack.callback(command.end)

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """The environment of a command here; a change to None takes a variable away."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        own = {
            "HOME": str(self.work_dir),
            "DISTRCOMP_HOME": str(self.home),
            "TMPDIR": str(self.temp_dir),
            TAG: self._tag,
        }
        merged = {**kept, **own, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def start_program(self, *words: str, **how: Unpack[How]) -> Command:
        """Starts any program."""
        stdin = how.get("stdin", b"")
        process = subprocess.Popen(
            [*self._prefix, *words],
            cwd=how.get("cwd", self.work_dir),
            env=self.environment(how.get("env")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        command = Command(process, stdin.encode() if isinstance(stdin, str) else stdin)
        self._commands.append(command)
        return command

    def start(self, *args: str, **how: Unpack[How]) -> Command:
        """Starts `distrcomp ARGS...`."""
        return self.start_program(sys.executable, "-m", "launcher", *args, **how)

    def run(self, *args: str, timeout: float = 60, **how: Unpack[How]) -> Result:
        """Runs `distrcomp ARGS...` to its end."""
        return self.start(*args, **how).wait(timeout)


def _text(printed: bytearray) -> str:
    return bytes(printed).decode("utf-8", "surrogateescape")


def _whole_lines(printed: bytearray) -> list[str]:
    return _text(printed).split("\n")[:-1]
