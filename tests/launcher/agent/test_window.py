"""The window of a launcher or agent: who finds it, who may look, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from launcher import limits
from launcher.agent.guardian import Guardian
from launcher.agent.window import Window, is_own, look_through_all
from launcher.agent.window_folder import windows_folder
from launcher.cluster.home import Home
from launcher.control import looks
from launcher.control import messages as m
from launcher.control.channel import Channel
from launcher.errors import CannotStart, ChannelClosed
from tests.launcher.agent.agent_kit import play

pytestmark = pytest.mark.processes

RUN = looks.RunStatus(b"r" * 16, "prog.py", 2, 1.5, True, ())


class Shown:
    """A run to look at."""

    async def runs(self, run_id: bytes) -> tuple[looks.RunStatus, ...]:
        return (RUN,) if run_id in (b"", RUN.run_id) else ()

    async def stacks(self, run_id: bytes, nodes: tuple[int, ...]) -> tuple[looks.NodeStacks, ...]:
        return tuple(looks.NodeStacks(node, "here", "") for node in nodes if run_id)


@contextlib.asynccontextmanager
async def shown(folder: Path) -> AsyncIterator[Home]:
    """A home in which one process has a window."""
    home, guardian = Home(folder, folder / "cache"), Guardian()
    window = Window(home, guardian)
    window.open(Shown())
    try:
        yield home
    finally:
        await window.close()
        guardian.release()


def with_window(
    act: Callable[[Home], Awaitable[None]], folder: Path, *, keeps: bool = False
) -> None:
    """Plays an act on that; at the end nothing is left below the home unless it keeps something."""

    async def go() -> None:
        async with shown(folder) as home:
            await act(home)
        assert keeps or [] == list(windows_folder(home).iterdir())

    play(go)


async def ask(channel: Channel, question: Any) -> Any:
    """One question and its answer."""
    await channel.send(question)
    return await channel.receive()


@pytest.mark.parametrize("deep", ["", "/".join(["a long name of a folder"] * 9)])
def test_looking(deep: str, tmp_path: Path, leaks: object) -> None:
    """It is found and answers, in a folder of whatever length (F-40)."""

    async def act(home: Home) -> None:
        (channel,) = await look_through_all(home)
        assert isinstance(await ask(channel, m.Hello()), m.Welcome)
        assert m.Pong(5) == await ask(channel, m.Ping(5))
        assert looks.Runs((RUN,)) == await ask(channel, looks.AskRuns(b""))
        assert looks.Runs(()) == await ask(channel, looks.AskRuns(b"x"))
        taken = await ask(channel, looks.TakeStacks(RUN.run_id, (1,)))
        assert looks.StacksTaken(RUN.run_id, (looks.NodeStacks(1, "here", ""),)) == taken
        await channel.close()

    with_window(act, tmp_path / deep)


@pytest.mark.parametrize(
    "message",
    [m.OpenRun(b"r" * 16, b""), m.SignalNodes(9), m.CloseRun(), m.Pong(1), m.Hello()],
)
def test_looking_is_all(message: Any, tmp_path: Path, leaks: object) -> None:
    """S-06: who looks can do nothing else, and says hello once."""

    async def act(home: Home) -> None:
        (channel,) = await look_through_all(home)
        await ask(channel, m.Hello())
        assert isinstance(await ask(channel, message), m.Refused)
        with pytest.raises(ChannelClosed):
            await channel.receive()
        await channel.close()

    with_window(act, tmp_path)


def test_nobody_else_gets_near(tmp_path: Path, leaks: object) -> None:
    """S-44: the folder is its user's alone, and who it is is asked of the kernel besides."""

    async def act(home: Home) -> None:
        (folder,) = windows_folder(home).iterdir()
        assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
        assert (folder / "look").is_socket()  # not an abstract one, which has no folder

    with_window(act, tmp_path)
    one, other = socket.socketpair()
    with one, other:
        assert is_own(one)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_another_user(tmp_path: Path, leaks: object) -> None:
    """S-44: a connection of another user is told by the kernel's word alone."""
    one, other = socket.socketpair()
    os.seteuid(65534)
    try:
        with one, other:  # made by root, who may do anything here anyway
            assert is_own(one)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(listener.getsockname())
        accepted, _ = listener.accept()
    finally:
        os.seteuid(0)
    with listener, connection, accepted:
        assert not is_own(accepted)


def test_open_folder(tmp_path: Path, leaks: object) -> None:
    """A window in a folder that others can enter is not looked through (S-42)."""

    async def act(home: Home) -> None:
        (folder,) = windows_folder(home).iterdir()
        folder.chmod(0o755)
        assert [] == await look_through_all(home)

    with_window(act, tmp_path)


def test_what_was_left_goes(tmp_path: Path, leaks: object) -> None:
    """The folder of a process that was killed with its guardian is removed by the next look."""

    async def act(home: Home) -> None:
        base = windows_folder(home)
        for name in ("4194305-dead", f"{os.getpid()}-starting"):
            (base / name).mkdir(0o700)
            folder = os.open(base / name, os.O_PATH)  # the path itself may be too long (F-40)
            with socket.socket(socket.AF_UNIX) as gone:
                gone.bind(f"/proc/self/fd/{folder}/look")
            os.close(folder)
        (channel,) = await look_through_all(home)
        await channel.close()
        assert not (base / "4194305-dead").exists()
        assert (base / f"{os.getpid()}-starting").exists()

    with_window(act, tmp_path, keeps=True)


def test_there_is_a_bound(tmp_path: Path, leaks: object) -> None:
    """Of very many who look at once the surplus is sent away, and the others are served."""

    async def act(home: Home) -> None:
        channels = [
            channel
            for _ in range(limits.VIEWERS_MAX + 4)
            for channel in await look_through_all(home)
        ]
        answers = await asyncio.gather(
            *(ask(channel, m.Hello()) for channel in channels), return_exceptions=True
        )
        for channel in channels:
            await channel.close()
        assert limits.VIEWERS_MAX == sum(isinstance(answer, m.Welcome) for answer in answers)

    with_window(act, tmp_path)


def test_no_place(tmp_path: Path, leaks: object) -> None:
    """Where no folder can be made that is said; nothing stays open."""
    (tmp_path / "file").write_text("")
    guardian = Guardian()
    with pytest.raises(CannotStart):
        Window(Home(tmp_path, tmp_path / "file"), guardian)
    guardian.release()
