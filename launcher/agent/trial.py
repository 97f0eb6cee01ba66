"""A release on trial: an agent of it, as a child of the one whose place it is to take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, NoReturn

from .. import limits
from ..errors import CannotStart
from .guardian import Guardian
from .releases import Laid
from .succession import Inheritance, environment_for, words_for

# It becomes the release once it is guarded; if this process was killed before that, it ends.
_WAIT = """
import os, sys
if os.read(int(sys.argv[1]), 1):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class Trial:
    """One trial, until `end`.

    Args:
        release: what is tried.
        guardian: ends it if this process is killed.
        start_timeout_s: how long it may take until it listens.
    """

    def __init__(
        self,
        release: Laid,
        guardian: Guardian,
        start_timeout_s: float = limits.RELEASE_START_TIMEOUT_S,
    ) -> None:
        self.release = release
        self._guardian = guardian
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._said: IO[bytes] | None = None

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    async def begin(
        self, listeners: Sequence[socket.socket], options: Sequence[str], base: str
    ) -> None:
        """Starts the release's agent, and returns when it serves at these sockets.

        Raises:
            CannotStart: it ended, in its own last words, or did not serve in time.
        """
        ours, theirs = socket.socketpair()
        self._connection = ours
        ours.setblocking(False)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        with theirs:
            number, numbers = theirs.fileno(), tuple(each.fileno() for each in listeners)
            environment = environment_for(Inheritance(numbers, number, base))
            words = words_for(self.release.python, options)
            try:
                self._process = subprocess.Popen(  # noqa: ASYNC220  it only forks
                    [sys.executable, "-I", "-S", "-c", _WAIT, str(number), *words],
                    stdin=subprocess.DEVNULL,
                    stdout=self._said,
                    stderr=self._said,
                    env=environment,
                    pass_fds=[*numbers, number],
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotStart(f"{self._name} cannot be started: {error}") from error
            self._guardian.watch_group(self._process.pid)
            ours.send(b"\n")
        if await self._hear(self._start_timeout_s, "did not listen"):
            return
        raise CannotStart(f"{self._name} does not start: {_last_words(self._said)}")

    async def outlive(self, timeout_s: float = limits.RELEASE_ANSWER_TIMEOUT_S) -> NoReturn:
        """Waits until it ends or its time is over; either way raises CannotStart, saying which."""
        while await self._hear(timeout_s, "was not said to have answered"):
            """It says that it is ready once; anything more means nothing."""
        words = "it said nothing" if self._said is None else _last_words(self._said)
        raise CannotStart(f"{self._name} has ended: {words}")

    @property
    def _name(self) -> str:
        return f"distrcomp {self.release.version}"

    async def _hear(self, timeout_s: float, what_not: str) -> bool:
        """Whether it has said something; else it has ended. Raises CannotStart after the time."""
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                return bool(await asyncio.get_running_loop().sock_recv(self._connection, 1))
        except TimeoutError:
            raise CannotStart(f"{self._name} {what_not} within {timeout_s:g} s") from None
        except OSError:
            return False

    async def end(self) -> None:
        """Ends it, in order if it lets that be done; a second call does nothing."""
        process, self._process = self._process, None
        for each in (self._connection, self._said):
            if each is not None:
                each.close()
        self._connection = self._said = None
        if process is not None:
            process.terminate()
            waiting = asyncio.ensure_future(asyncio.to_thread(process.wait))
            await asyncio.wait([waiting], timeout=limits.CLOSE_TIMEOUT_S)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await waiting
            self._guardian.forget_group(process.pid)


def _last_words(said: IO[bytes]) -> str:
    """The last line of what it wrote."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - limits.RELEASE_WORDS_BYTES_MAX))
    lines = said.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return last.removeprefix("distrcomp: ")[: limits.SENTENCE_CHARACTERS_MAX]
