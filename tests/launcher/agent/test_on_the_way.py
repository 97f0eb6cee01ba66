"""Who stands between launcher and agent: what is altered, injected or recorded comes to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distrcomp.frames import FrameDecoder, frame
from launcher import limits
from launcher.control import messages as m
from launcher.control.channel import StreamChannel
from launcher.errors import CannotStart
from launcher.run.connect import dial_agent
from launcher.ship.manifest import pack_manifest
from tests.launcher.agent.agent_kit import manifest_of, play, until
from tests.launcher.agent.server_kit import Agent
from tests.launcher.lab import Lab, Talk, listening, peer_at

pytestmark = pytest.mark.processes

OPENING = frame(m.CONTROL.pack(m.OpenRun(b"r" * 16, pack_manifest(manifest_of({"a.py": "1"})))))
APPLICATION_DATA = 0x17


class Tap:
    """Launcher and agent in memory, and what goes between them.

    Args:
        server, client: their contexts.
    """

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.to_client, self.to_server, server_hostname="h1")
        self.server = server.wrap_bio(self.to_server, self.to_client, server_side=True)

    def shake_hands(self, alter: Callable[[bytes], bytes] = bytes) -> None:
        """Makes the handshake; `alter` sees each flight. Raises ssl.SSLError if an end does."""
        for _ in range(3):
            for end, out in ((self.client, self.to_server), (self.server, self.to_client)):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                out.write(alter(out.read()))

    def deliver(self, data: bytes) -> list[bytes]:
        """The frames that the agent takes from these bytes; raises ssl.SSLError."""
        self.to_server.write(data)
        decoder, frames = FrameDecoder(limits.FRAME_BYTES_MAX), []
        with contextlib.suppress(ssl.SSLWantReadError):
            while plain := self.server.read(2**16):
                frames += decoder.feed(plain)
        return frames


@pytest.fixture(scope="module")
def contexts(lab: Lab, credentials: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Those of the agent h1 and of the operator."""
    return credentials.server_context(), lab.operator.credentials.client_context()


def flipped(data: bytes, offset: int, bit: int) -> bytes:
    """`data` with one bit changed."""
    return data[:offset] + bytes([data[offset] ^ (1 << bit)]) + data[offset + 1 :]


def test_a_bit_of_a_message(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-10: a bit changed at any offset of a message on the way ends in an error of TLS itself."""
    tap = Tap(*contexts)
    tap.shake_hands()
    tap.client.write(OPENING)
    sent = tap.to_server.read()
    assert [OPENING[4:]] == tap.deliver(sent)
    for offset in range(len(sent)):
        tap = Tap(*contexts)
        tap.shake_hands()
        tap.client.write(OPENING)
        changed = flipped(tap.to_server.read(), offset, offset % 8)
        if changed[3:5] > sent[3:5]:
            assert [] == tap.deliver(changed)  # the rest of a longer record is waited for
            continue
        with pytest.raises(ssl.SSLError):
            tap.deliver(changed)


class Flip:
    """Changes one bit of one flight of a handshake.

    Args:
        flight: which of those that carry anything.
        place: where in it, from 0 to 1.
        bit: which bit of that byte.
    """

    def __init__(self, flight: int, place: float, bit: int) -> None:
        self._flight = flight
        self._place = place
        self._bit = bit

    def __call__(self, data: bytes) -> bytes:
        if not data:
            return data
        self._flight -= 1
        return flipped(data, int(self._place * len(data)), self._bit) if self._flight < 0 else data


def test_a_bit_of_the_handshake(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-10: a bit changed in the handshake ends it, or changes nothing of what arrives."""
    ended = 0
    chance = random.Random(10)
    for number in range(300):
        tap = Tap(*contexts)
        try:
            tap.shake_hands(Flip(number % 3, chance.random(), number % 8))
            tap.client.write(OPENING)
            assert tap.deliver(tap.to_server.read()) in ([], [OPENING[4:]])
        except ssl.SSLError:
            ended += 1
    assert ended > 250  # the rest fell on what TLS 1.3 doesn't look at: old version numbers


def test_injection(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-10: after a handshake that was let through, nothing that is put in between arrives."""
    for injected in (
        OPENING,
        b"\x17\x03\x03\x00\x40" + os.urandom(64),
        b"\x15\x03\x03\x00\x02\x01\x00",
    ):
        tap = Tap(*contexts)
        tap.shake_hands()
        with pytest.raises(ssl.SSLError):
            tap.deliver(injected)


def test_nothing_is_compressed(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-17: TLS does not compress, so what arrives is as long as what is decrypted."""
    tap = Tap(*contexts)
    tap.shake_hands()
    assert (None, None) == (tap.server.compression(), tap.client.compression())
    assert contexts[0].options & ssl.OP_NO_COMPRESSION


# --- replay --------------------------------------------------------------------------------------


def test_replay_of_a_session(on_agent: Callable[..., None]) -> None:
    """S-11: a whole session, recorded and sent again, is refused; it opens no run."""

    async def act(agent: Agent) -> None:
        recorded = bytearray()
        async with listening(_recording(agent.port, recorded)) as port:
            connection = await dial_agent(peer_at(port), agent.lab.operator)
            await connection.channel.send(m.CONTROL.unpack(OPENING[4:]))
            assert isinstance(await connection.channel.receive(), m.Missing)
            await connection.channel.close()
        assert APPLICATION_DATA in recorded
        await agent.check_refuses(bytes(recorded), "TLS handshake failed")

    on_agent(act)


def test_replay_of_a_record(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-11: a message of a session, sent twice in it or in another one, is refused by TLS."""
    tap, other = Tap(*contexts), Tap(*contexts)
    tap.shake_hands()
    other.shake_hands()
    tap.client.write(OPENING)
    sent = tap.to_server.read()
    assert [OPENING[4:]] == tap.deliver(sent)
    for end in (tap, other):
        with pytest.raises(ssl.SSLError):
            end.deliver(sent)


def _recording(port: int, recorded: bytearray) -> Talk:
    """Passes everything on to the agent at `port`, and keeps what the launcher says."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agent_reader, agent_writer = await asyncio.open_connection("127.0.0.1", port)

        async def back() -> None:
            while data := await agent_reader.read(2**16):
                writer.write(data)

        answering = asyncio.ensure_future(back())
        try:
            while data := await reader.read(2**16):
                recorded.extend(data)
                agent_writer.write(data)
        finally:
            answering.cancel()
            agent_writer.transport.abort()

    return talk


# --- somebody else at the agent's port -----------------------------------------------------------


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"distrcomp\n"])
def test_plain_squatter(lab: Lab, answer: bytes) -> None:
    """S-43, S-09: who holds the port and speaks no TLS hears one greeting of TLS, and no more.

    The launcher does not try again without TLS.
    """
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(2**16))
        writer.write(answer)
        writer.write_eof()
        heard[-1] += await reader.read()

    async def act() -> None:
        async with listening(talk) as port:
            with pytest.raises(CannotStart, match="not a distrcomp agent"):
                await dial_agent(peer_at(port), lab.operator)
            await until(lambda: heard)
        assert 1 == len(heard)
        assert {0x16} >= set(_record_types(heard[0])) - {0x15}

    play(act)


def test_squatter_with_tls(lab: Lab, tmp_path: Path) -> None:
    """S-43: who holds the port with a certificate of its own making gets no byte of a message."""
    heard = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(1))

    async def act() -> None:
        context = Lab(tmp_path / "squatter").agent("h1").server_context()
        context.verify_mode = ssl.CERT_NONE
        async with listening(talk, context) as port:
            with pytest.raises(CannotStart, match="belongs to another cluster"):
                await dial_agent(peer_at(port), lab.operator)
        assert b"" == heard

    play(act)


def test_squatter_of_the_cluster(lab: Lab) -> None:
    """S-43: a member that answers in another one's place does not even get a greeting."""
    heard = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer, m.CONTROL)
        with contextlib.suppress(Exception):
            heard.extend(repr(await channel.receive()).encode())

    async def act() -> None:
        context = lab.agent("h7", "192.0.2.7").server_context()
        async with listening(talk, context) as port:
            with pytest.raises(CannotStart, match="calls itself h7"):
                await dial_agent(peer_at(port), lab.operator)
        assert b"" == heard

    play(act)


def _record_types(data: bytes) -> Iterator[int]:
    """The types of the TLS records that `data` is made of, whole ones and nothing else."""
    while data:
        yield data[0]
        length = int.from_bytes(data[3:5], "big")
        assert len(data) >= 5 + length
        data = data[5 + length :]
