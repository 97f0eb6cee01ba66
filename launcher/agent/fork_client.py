"""The agent's end of a fork server: starts it, has it fork nodes, learns from it how they ended.

The server (`distrcomp.fork_server`) is a plain interpreter in a session of its own, its standard
streams at /dev/null. It may be killed or stopped at any time. Then nothing more is started from it,
what it has not answered is raised as ServerLost, and the nodes it has started live on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from distrcomp.errors import ProtocolError
from distrcomp.fork_orders import (
    DESCRIPTORS_MAX,
    TO_AGENT,
    TO_SERVER,
    Fork,
    Forked,
    Load,
    Reap,
    Reaped,
    Share,
    Unshare,
)
from distrcomp.frames import FrameDecoder, frame

from .. import limits
from .child import Child, ChildLost, Ends, Start
from .spawning import read_at_start, server_environment, take_spawned


class CannotFork(Exception):
    """The fork server has not started a node, or nobody knows whether it has."""


class ServerLost(CannotFork):
    """It has ended, or does not answer."""


class ForkServer:
    """One server; raises OSError where it can't be started.

    Attributes:
        pid: the server's, which is also its process group.
        settled: the variables that all it forks have in common.
    """

    def __init__(self) -> None:
        self._spawned = take_spawned()
        self.settled = read_at_start(self._spawned.environment)
        self._socket = self._spawned.connection
        self.pid = self._spawned.process.pid
        self._socket.setblocking(False)
        self._decoder = FrameDecoder(limits.FORK_ANSWER_BYTES_MAX)
        self._writing = asyncio.Lock()
        self._awaited: dict[tuple[type, int], asyncio.Future[Any]] = {}
        self._number = 0
        self._has_loaded = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)
        self.is_lost = False

    async def load(self, links_machines: bool) -> None:
        """Has it load numpy, once, and what links between machines need."""
        if not self._has_loaded:
            self._has_loaded = True
            await self._say(Load(links_machines))

    async def share(self, descriptors: Sequence[int]) -> None:
        """What is forked from now on holds these, under the same numbers; none: no more."""
        await self._say(Unshare())
        for begin in range(0, len(descriptors), DESCRIPTORS_MAX):
            part = descriptors[begin : begin + DESCRIPTORS_MAX]
            await self._say(Share(tuple(part)), part)

    async def fork(self, start: Start, ends: Ends) -> Child:
        """Starts a node; `ends` are the caller's if that fails.

        Raises:
            CannotFork: it is gone, or could not.
        """
        self._number += 1
        number = self._number
        given = dict(ends.given)
        if ends.stack_file is not None:
            given[ends.stack_file.descriptor] = ends.stack_file.descriptor
        settings = [f"{name}={value}" for name, value in _identity_first(ends.environment(start))]
        order = Fork(
            number,
            tuple(map(os.fsencode, start.arguments)),
            tuple(map(os.fsencode, settings)),
            os.fsencode(start.folder),
            tuple(given),
        )
        answer = self._expect(Forked, number)
        await self._say(order, list(given.values()))
        forked = await self._wait(answer)
        if forked.error:
            raise CannotFork(os.strerror(forked.error))
        ends.close_given()
        return Child(start, ends, forked.pid, lambda: self._reap(forked.pid))

    def close(self) -> None:
        """Ends the server; what it has started and nobody has reaped dies with it."""
        self._lose()

    async def _reap(self, pid: int) -> tuple[int, int]:
        try:
            answer = self._expect(Reaped, pid)
            await self._say(Reap(pid))
            reaped = await self._wait(answer)
        except ServerLost as error:
            raise ChildLost("the fork server that had started it was killed") from error
        return reaped.code, reaped.peak_kib * limits.KIB

    def _expect(self, kind: type, number: int) -> asyncio.Future[Any]:
        if self.is_lost:
            raise ServerLost
        return self._awaited.setdefault((kind, number), self._loop.create_future())

    async def _wait(self, answer: asyncio.Future[Any]) -> Any:
        try:
            async with asyncio.timeout(limits.FORK_ANSWER_TIMEOUT_S):
                return await answer
        except TimeoutError as error:  # somebody has stopped it, or the machine is stuck
            self._lose()
            raise ServerLost from error

    async def _say(self, order: Any, descriptors: Sequence[int] = ()) -> None:
        async with self._writing:
            left = memoryview(frame(TO_SERVER.pack(order)))
            while left:
                if self.is_lost:
                    raise ServerLost
                try:
                    count = socket.send_fds(self._socket, [left], list(descriptors))
                except BlockingIOError:
                    await self._writable()
                except OSError as error:
                    if error.errno == errno.ETOOMANYREFS:  # nothing of the order is sent
                        raise CannotFork(error.strerror) from error
                    self._lose()
                    raise ServerLost from error
                except asyncio.CancelledError:  # what follows half an order cannot be understood
                    self._lose()
                    raise
                else:
                    left, descriptors = left[count:], ()

    async def _writable(self) -> None:
        ready = self._expect(ForkServer, 0)  # resolved, too, when the server is lost
        self._loop.add_writer(self._socket.fileno(), _resolve, ready)
        try:
            await self._wait(ready)
        finally:
            self._awaited.pop((ForkServer, 0), None)
            if not self.is_lost:
                self._loop.remove_writer(self._socket.fileno())

    def _read(self) -> None:
        try:
            data = self._socket.recv(limits.OUTPUT_PART_BYTES)
            bodies = self._decoder.feed(data)
            if not data:
                raise ConnectionResetError
            for body in bodies:
                self._take(TO_AGENT.unpack(body))
        except BlockingIOError:
            return
        except (OSError, ProtocolError):
            self._lose()

    def _take(self, answer: Any) -> None:
        key = (Forked, answer.number) if isinstance(answer, Forked) else (Reaped, answer.pid)
        future = self._awaited.pop(key, None)
        if future is not None and not future.done():
            future.set_result(answer)
        elif isinstance(answer, Forked) and answer.pid:  # who asked for it wants it no more
            os.kill(answer.pid, signal.SIGKILL)
            task = asyncio.ensure_future(self._end_unwanted(answer.pid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _end_unwanted(self, pid: int) -> None:
        with contextlib.suppress(ChildLost):
            await self._reap(pid)

    def _lose(self) -> None:
        """It is of no more use: ends it, and tells all who wait."""
        if self.is_lost:
            return
        self.is_lost = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._spawned.end()
        awaited, self._awaited = self._awaited, {}
        for future in awaited.values():
            if not future.done():
                future.set_exception(ServerLost())
                future.exception()  # whoever was still about to ask may never look


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _identity_first(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Its processes are known by who they are, so that is seen even where there is no more room."""
    return sorted(environment.items(), key=lambda item: not item[0].startswith("DISTRCOMP_"))


def settled_now() -> dict[str, str]:
    """What a server that is started now will have settled for all it forks."""
    return read_at_start(server_environment())
