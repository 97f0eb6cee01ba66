"""A machine that takes part in runs: sessions of launchers, in every state of health."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from distrcomp.preamble import Preamble
from launcher import limits
from launcher.agent.host import Host
from launcher.control import messages as m
from launcher.control.channel import memory_pair
from launcher.ship.manifest import pack_manifest
from tests.launcher.agent.agent_kit import (
    RUN_ID,
    Launcher,
    hosting,
    lives,
    manifest_of,
    order,
    play,
    sandboxes,
    session,
    until,
)

pytestmark = pytest.mark.processes

SLEEPER = "import os, time\nprint(os.getpid())\ntime.sleep(1000)\n"
OTHER_RUN = os.urandom(16)


async def refusal(launcher: Launcher, *messages: Any) -> str:
    """Sends messages; why the agent refused them. It says no more and has closed the channel."""
    await launcher.say(*messages)
    while not isinstance(answer := await launcher.channel.receive(), m.Refused):
        launcher.got.append(answer)
    await launcher.serving
    return answer.why


def test_whole_session(tmp_path: Path, leaks: object) -> None:
    """Hello, ping, a run with output and an end, CloseRun: nothing is left of it."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            welcome = await launcher.greet()
            assert ("h1", 4, m.PROTOCOL) == (welcome.name, welcome.slots, welcome.protocol)
            await launcher.say(m.Ping(42))
            pong = await launcher.hear(m.Pong)
            assert 42 == pong.number
            assert 0 < pong.at <= asyncio.get_running_loop().time()
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.run("print('hello')\nopen('out.txt', 'w').write('x')")
            assert m.NodeExited(0, 0, None) == await launcher.hear(m.NodeExited)
            assert b"hello\n" == launcher.printed()
            await launcher.say(m.CloseRun())
            assert m.RunClosed(("out.txt",), 1, ()) == await launcher.hear(m.RunClosed)
            assert [] == sandboxes(tmp_path)

    play(act)


def test_two_sessions(tmp_path: Path, leaks: object) -> None:
    """Two runs at once do not know of each other; the end of one leaves the other alone."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as one:
            async with session(host) as other:
                await asyncio.gather(one.run(SLEEPER), other.run(SLEEPER, run_id=OTHER_RUN))
                await asyncio.gather(one.hear(m.Output), other.hear(m.Output))
                assert 2 == len(sandboxes(tmp_path))
            pid = int(one.printed())
            assert lives(pid)
            assert not lives(int(other.printed()))
            assert 1 == len(sandboxes(tmp_path))
        assert not lives(pid)
        assert [] == sandboxes(tmp_path)

    play(act)


@pytest.mark.parametrize("role", ["agent", "node", "hub", "submitter", ""])
def test_wrong_role(role: str, tmp_path: Path, leaks: object) -> None:
    """S-06: whoever is no operator is refused at its first word, and the host says why."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host, role) as launcher:
            why = await refusal(launcher, m.Hello())
            assert f"a certificate of role {role!r} may not call Hello" == why
            assert why == await launcher.serving

    play(act)


@pytest.mark.parametrize(
    "message", [m.Ping(1), m.OpenRun(RUN_ID, b""), m.CloseRun(), m.Welcome(1, "", "", "", 1)]
)
def test_no_hello(message: object, tmp_path: Path, leaks: object) -> None:
    """S-12: nothing comes before Hello."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await refusal(launcher, message)
            assert await launcher.serving is not None

    play(act)


def test_out_of_state(tmp_path: Path, leaks: object) -> None:
    """S-12: a message out of its state ends the session and its run, with its nodes."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.run(SLEEPER)
            await launcher.hear(m.Output)
            assert "Hello may not come now" in await refusal(launcher, m.Hello())
            assert not lives(int(launcher.printed()))
            assert [] == sandboxes(tmp_path)

    play(act)


def test_after_close(tmp_path: Path, leaks: object) -> None:
    """One connection serves one run: nothing of it comes after CloseRun, and no second run."""

    async def act() -> None:
        async with hosting(tmp_path) as host:
            for message in (m.CloseRun(), m.Go(), m.OpenRun(OTHER_RUN, b"")):
                async with session(host) as launcher:
                    await launcher.ship({"a": "1"})
                    await launcher.say(m.CloseRun())
                    await launcher.hear(m.RunClosed)
                    assert "may not come now" in await refusal(launcher, message)

    play(act)


def test_silent_session(tmp_path: Path, leaks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-01: a known peer that never says hello is not served for ever."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.05)

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            assert "no hello came within 0.05 s" == await launcher.serving
            assert m.Refused("no hello came within 0.05 s") == await launcher.channel.receive()

    play(act)


def test_greeted_session_may_wait(
    tmp_path: Path, leaks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After hello the launcher may take its time: the user is reading a question, say."""
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.05)

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.greet()
            over = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, over.set)
            await over.wait()
            await launcher.say(m.Ping(1))
            await launcher.hear(m.Pong)

    play(act)


@pytest.mark.parametrize("run_id", [b"", b"short", bytes(17)])
def test_no_run_id(run_id: bytes, tmp_path: Path, leaks: object) -> None:
    """A run's id has 128 bits."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.greet()
            why = await refusal(launcher, m.OpenRun(run_id, b""))
            assert "this is not the id of a new run" == why

    play(act)


def test_same_run_twice(tmp_path: Path, leaks: object) -> None:
    """S-11: a second OpenRun with an id that runs already is refused; the first goes on."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as first, session(host) as second:
            await first.run(SLEEPER)
            await second.greet()
            manifest = pack_manifest(manifest_of({"a": "1"}))
            assert "new run" in await refusal(second, m.OpenRun(RUN_ID, manifest))
            await first.hear(m.Output)
            assert lives(int(first.printed()))
            assert 1 == len(sandboxes(tmp_path))

    play(act)


@pytest.mark.parametrize("phase", ["new", "greeted", "opened", "shipped", "started", "running"])
def test_launcher_vanishes(phase: str, tmp_path: Path, leaks: object) -> None:
    """F-03: a launcher lost in any phase leaves nothing: no node, no sandbox, no half a blob."""

    async def act() -> None:
        async with hosting(tmp_path) as host:
            async with session(host) as launcher:
                if phase == "greeted":
                    await launcher.greet()
                elif phase == "opened":
                    await launcher.greet()
                    manifest = manifest_of({"a": "text", "b": "more"})
                    await launcher.say(m.OpenRun(RUN_ID, pack_manifest(manifest)))
                    missing = await launcher.hear(m.Missing)
                    await launcher.say(m.BlobPart(missing.hashes[0], b"te", last=False))
                elif phase == "shipped":
                    await launcher.ship({"a": "1"})
                elif phase == "started":
                    await launcher.start(SLEEPER, 2)
                elif phase == "running":
                    await launcher.run(SLEEPER, 2)
                    await launcher.hear(m.Output)
            assert [] == sandboxes(tmp_path)
            assert [] == list((tmp_path / "store").glob("writing-*"))
            async with session(host) as launcher:  # and the id is free again
                await launcher.run("print('again')")
                await launcher.hear(m.NodeExited)

    play(act)


def test_flood_to_a_launcher_that_vanishes(tmp_path: Path, leaks: object) -> None:
    """F-26: a node that floods is slowed by its launcher, and dies with it."""
    program = "import os\nprint(os.getpid(), flush=True)\nwhile True: os.write(1, bytes(65536))\n"

    async def act() -> None:
        async with hosting(tmp_path) as host:
            async with session(host) as launcher:
                await launcher.run(program)
                output = await launcher.hear(m.Output)
                pid = int(output.data.split(b"\n")[0])
                assert lives(pid)
            assert not lives(pid)

    play(act)


def test_hand_over(tmp_path: Path, leaks: object) -> None:
    """S-26: a connection for a run or a node that is not here is not taken."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            ours, theirs = socket.socketpair()
            assert not host.hand_over(Preamble(RUN_ID, 1, 0), theirs)
            await launcher.run(SLEEPER)
            assert not host.hand_over(Preamble(OTHER_RUN, 1, 0), theirs)
            assert not host.hand_over(Preamble(RUN_ID, 1, 5), theirs)
            assert not host.hand_over(Preamble(RUN_ID, 0, 0), theirs)
            assert host.hand_over(Preamble(RUN_ID, 1, 0), theirs)
            ours.close()

    play(act)


def test_refusals_of_a_run(tmp_path: Path, leaks: object) -> None:
    """What a run refuses ends its session with the reason; the host serves on."""

    async def act() -> None:
        async with hosting(tmp_path) as host:
            async with session(host) as launcher:
                await launcher.greet()
                why = await refusal(launcher, m.OpenRun(RUN_ID, b"garbage"))
                assert "not a message" in why
            async with session(host) as launcher:
                await launcher.ship({"a": "1"})
                bad = order(arguments=("no-such-command",), is_python=False)
                assert "no-such-command" in await refusal(launcher, bad)
            async with session(host) as launcher:
                await launcher.ship({"a": "1"})
                why = await refusal(launcher, m.BlobPart(bytes(32), b"", last=True))
                assert "not asked for" in why
            assert [] == sandboxes(tmp_path)

    play(act)


def test_garbage_ends_a_session(tmp_path: Path, leaks: object) -> None:
    """S-03: what is no message at all is refused, in memory as on the wire."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.greet()
            assert "bytes is not an operation" in await refusal(launcher, b"cos\nsystem\n")

    play(act)


def test_close_ends_sessions(tmp_path: Path, leaks: object) -> None:
    """A host that stops ends the runs it still has."""

    async def act() -> None:
        async with hosting(tmp_path) as host:
            ours, theirs = memory_pair()
            serving = asyncio.ensure_future(host.serve(theirs, "operator"))
            launcher = Launcher(ours, serving)
            await launcher.run(SLEEPER)
            await launcher.hear(m.Output)
        pid = int(launcher.printed())
        await until(lambda: not lives(pid))
        assert [] == sandboxes(tmp_path)
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    play(act)


def test_temporary_host(tmp_path: Path, leaks: object) -> None:
    """The host inside a launcher takes its folder along when it ends."""
    folder = tmp_path / "host"
    folder.mkdir()

    async def act() -> None:
        host = Host(folder, "localhost", 2, is_temporary=True)
        ours, theirs = memory_pair()
        host.serve_here(theirs)
        launcher = Launcher(ours, asyncio.ensure_future(asyncio.sleep(0, None)))
        await launcher.run("print('hello')")
        await launcher.hear(m.NodeExited)
        await ours.close()
        await host.close()
        assert not folder.exists()

    play(act)


def test_sweep(tmp_path: Path, leaks: object) -> None:
    """F-02: a new agent removes what a dead one has left, and says what that was."""
    dead = tmp_path / "sandboxes" / "run-dead"

    async def act() -> None:
        async with hosting(tmp_path):
            pass
        dead.mkdir()
        async with hosting(tmp_path) as host:
            assert [dead] == host.swept
        assert not dead.exists()

    play(act)
