"""How commands of the same user find the runs of this machine, and look at them.

Each launcher and each agent has a Unix socket in a folder of its own that only its user can enter
(mode 0700); the kernel says who connects, and that is looked at besides (S-44). By it one can look,
as `VIEWER` in the agent's table of operations, and do no more.
Paths go through a descriptor of the folder, so they may be of any length (F-40) and nobody can
exchange the folder on the way. The folder goes at the end, and by the guardian if this process is
killed; what is left all the same is removed by who finds nobody behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol

import distrcomp
from distrcomp.errors import ProtocolError

from .. import limits
from ..cluster.home import Home, make_private_folder
from ..control import looks
from ..control import messages as m
from ..control.channel import Channel, StreamChannel
from ..errors import ChannelClosed, LauncherError, PeerRefused
from .guardian import Guardian, status_of
from .session import Session
from .window_folder import window_name, windows_folder

_SOCKET = "look"
_CREDENTIALS = struct.Struct("3i")  # of SO_PEERCRED: pid, uid, gid


class Seen(Protocol):
    """What can be looked at: an agent's runs, or the one of a launcher."""

    async def runs(self, run_id: bytes) -> tuple[looks.RunStatus, ...]:
        """This run, if it is here; no id: all."""

    async def stacks(self, run_id: bytes, nodes: tuple[int, ...]) -> tuple[looks.NodeStacks, ...]:
        """Where these nodes of a run are, if they are here; none named: all of them."""


class Window:
    """One process's window.

    Args:
        home: of the user.
        guardian: removes the folder if this process is killed.
        run_id: the run of a launcher; an agent has none.

    Raises:
        LauncherError, OSError: there is no place for it.
    """

    def __init__(self, home: Home, guardian: Guardian, run_id: bytes | None = None) -> None:
        base = make_private_folder(windows_folder(home))
        self._folder = base / window_name(run_id)
        self._guardian = guardian
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        guardian.watch_folder(str(self._folder))
        try:
            self._folder.mkdir(0o700)
            with _entered(self._folder) as path:
                self._listener.bind(path)
            self._listener.listen(limits.VIEWERS_MAX)
            self._listener.setblocking(False)
        except OSError:
            self._remove()
            raise

    def open(self, seen: Seen) -> None:
        """Lets be seen what there is to see, from now on."""
        self._spawn(self._accept(seen))

    async def close(self) -> None:
        """Nobody looks any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._remove()

    def _remove(self) -> None:
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._guardian.forget_folder(str(self._folder))

    async def _accept(self, seen: Seen) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:  # no descriptor for it, most likely
                await asyncio.sleep(limits.ACCEPT_PAUSE_S)
                continue
            if not is_own(connection) or len(self._tasks) > limits.VIEWERS_MAX:
                connection.close()
                continue
            self._spawn(_serve(connection, seen))

    def _spawn(self, act: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def is_own(connection: socket.socket) -> bool:
    """Whether this user is at the other end, or root, who can do anything here anyway."""
    length = _CREDENTIALS.size
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, length)
    return _CREDENTIALS.unpack(credentials)[1] in (0, os.geteuid())


async def look_through_all(home: Home) -> list[Channel]:
    """A channel to each process of this user on this machine that has a window."""
    base = windows_folder(home)
    with contextlib.suppress(OSError):
        found = [await _look_through(folder) for folder in sorted(base.iterdir())]
        return [channel for channel in found if channel is not None]
    return []


async def _look_through(folder: Path) -> Channel | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        with _entered(folder) as path:
            await asyncio.get_running_loop().sock_connect(connection, path)
        if not is_own(connection):
            raise OSError("somebody else's")
    except ConnectionRefusedError:
        connection.close()
        if not _lives(folder.name.partition("-")[0]):  # its guardian was killed with it
            shutil.rmtree(folder, ignore_errors=True)
        return None
    except OSError:
        connection.close()
        return None
    return await _channel(connection)


def _lives(pid: str) -> bool:
    return not pid.isdigit() or status_of(int(pid)) != ""


async def _channel(connection: socket.socket) -> StreamChannel:
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    channel = StreamChannel(reader, writer, m.CONTROL)
    channel.trust()
    return channel


async def _serve(connection: socket.socket, seen: Seen) -> None:
    """One viewer, until it has seen enough."""
    channel = await _channel(connection)
    session = Session(m.VIEWER)
    try:
        while True:
            async with asyncio.timeout(limits.VIEWER_SILENCE_S):
                message = await channel.receive()
            session.admit(message)
            match message:
                case m.Hello():
                    answer: object = m.Welcome(m.PROTOCOL, distrcomp.__version__, "", "", 0)
                case m.Ping(number):
                    answer = m.Pong(number)
                case looks.AskRuns(run_id):
                    answer = looks.Runs(await seen.runs(run_id))
                case looks.TakeStacks(run_id, nodes):
                    answer = looks.StacksTaken(run_id, await seen.stacks(run_id, nodes))
                case _:
                    raise PeerRefused(f"{type(message).__name__} can't be looked at here")
            await channel.send(answer)
    except (ChannelClosed, TimeoutError):
        return
    except (LauncherError, ProtocolError) as error:
        with contextlib.suppress(ChannelClosed):
            await channel.send(m.Refused(str(error)))
    finally:
        await channel.close()


@contextlib.contextmanager
def _entered(folder: Path) -> Iterator[str]:
    """A short path of the socket in `folder`, which must be ours alone."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise OSError(f"{folder} is not this user's alone")
        yield f"/proc/self/fd/{descriptor}/{_SOCKET}"
    finally:
        os.close(descriptor)
