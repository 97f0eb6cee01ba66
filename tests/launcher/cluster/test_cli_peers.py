"""`distrcomp peers` and agents that are not what they should be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import distrcomp
from launcher import limits
from launcher.agent.host import python_version
from launcher.cli.peers import peers
from launcher.control import messages as m
from launcher.control.channel import StreamChannel
from tests.launcher.lab import Lab, Talk, answering, listening

WELCOME = m.Welcome(m.PROTOCOL, distrcomp.__version__, python_version(), "h1", 4)


def ask(tmp_path: Path, talk: Talk) -> Result:
    """What `distrcomp peers` says of an agent of the cluster that talks like that."""
    lab = Lab(tmp_path / "lab")

    async def act() -> Result:
        async with listening(talk, lab.agent("h1").server_context()) as port:
            (tmp_path / "peers.txt").write_text(f"127.0.0.1:{port} name=h1\n")
            arguments = ["--peers", str(tmp_path / "peers.txt")]
            environment = {"DISTRCOMP_HOME": str(lab.home.config)}
            return await asyncio.to_thread(CliRunner().invoke, peers, arguments, env=environment)

    return asyncio.run(act())


def pinged(*answers: Any) -> Talk:
    """An agent that welcomes, and then gives these answers."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer, m.CONTROL)
        channel.trust()
        await channel.receive()
        await channel.send(WELCOME)
        for answer in answers:
            await channel.receive()
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await channel.send(answer)
        await channel.receive()
        await channel.close()

    return talk


def test_a_good_agent(tmp_path: Path) -> None:
    """One that answers is shown with its round trip, slots and versions."""
    result = ask(tmp_path, pinged(m.Pong(0), m.Pong(1), m.Pong(2)))
    assert " ms  4 slots  distrcomp " in result.output
    assert 0 == result.exit_code


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (m.Refused("\x1b]52;c;cm0=\x07"), r"broke off: \x1b]52;c;cm0=\x07"),
        (m.Pong(7), "broke off: it answered a ping with Pong"),
        (WELCOME, "broke off: it answered a ping with Welcome"),
        (b"\x00\x00\x00\x05hello", "broke off: not a message"),
    ],
)
def test_wrong_answers(tmp_path: Path, answer: object, said: str) -> None:
    """An agent that answers nonsense is told in one line, without its escapes (S-37)."""
    result = ask(tmp_path, pinged(answer))
    assert said in result.output
    assert "\x1b" not in result.output
    assert "1 of 1 peers cannot be used" in str(result.exception)


def test_refusal(tmp_path: Path) -> None:
    """What an agent says instead of a welcome moves no cursor (S-37)."""
    result = ask(tmp_path, answering(m.Refused("no\r\x1b[2Jyes\u202e")))
    assert r"refuses: no\r\x1b[2Jyes\u202e" in result.output
    assert "\x1b" not in result.output


def test_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that lives and never answers is not waited for without end."""
    monkeypatch.setattr(limits, "SILENCE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(limits, "HEARTBEAT_INTERVAL_S", 0.1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer, m.CONTROL)
        channel.trust()
        await channel.receive()
        await channel.send(WELCOME)
        while await channel.receive():
            pass  # until the launcher hangs up

    assert "does not answer a ping within 0.5 s" in ask(tmp_path, talk).output
