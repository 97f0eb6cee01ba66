"""One contract for every channel; then what only a stream can do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.frames import frame
from launcher import limits
from launcher.control import messages as m
from launcher.control.channel import Channel, StreamChannel, memory_pair
from launcher.errors import ChannelClosed
from tests.launcher.control.channel_kit import (
    Contexts,
    make_contexts,
    play,
    raw_pair,
    stream_ends,
    stream_pair,
)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """TLS for the two ends of a connection."""
    return make_contexts(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(params=["memory", "stream", "tls"])
def on_pair(request: pytest.FixtureRequest, contexts: Contexts) -> Callable[..., None]:
    """Plays an act on the two ends of each kind of channel."""

    def run(act: Callable[[Channel, Channel], Awaitable[None]]) -> None:
        async def go() -> None:
            if request.param == "memory":
                one, other = memory_pair()
                await act(one, other)
                await asyncio.gather(one.close(), other.close())
                return
            async with stream_pair(contexts if request.param == "tls" else None) as pair:
                await act(*pair)

        play(go)

    return run


# --- the contract --------------------------------------------------------------------------------


def test_order(on_pair: Callable[..., None]) -> None:
    """Messages arrive in the order they were sent, in both directions at once."""

    async def act(one: Channel, other: Channel) -> None:
        async def send(channel: Channel) -> None:
            for number in range(500):
                await channel.send(m.Ping(number))

        async def receive(channel: Channel) -> list[int]:
            return [(await channel.receive()).number for _ in range(500)]

        got = await asyncio.gather(receive(one), receive(other), send(one), send(other))
        assert [list(range(500))] * 2 == got[:2]

    on_pair(act)


def test_big_message(on_pair: Callable[..., None]) -> None:
    """A message nearly as large as may come arrives whole, and so does what follows."""
    big = m.OpenRun(b"r" * 16, bytes(limits.FRAME_BYTES_MAX - 100))

    async def act(one: Channel, other: Channel) -> None:
        sending = asyncio.ensure_future(one.send(big))
        assert big == await other.receive()
        await sending
        await one.send(m.Ping(1))
        assert m.Ping(1) == await other.receive()

    on_pair(act)


def test_sent_before_close(on_pair: Callable[..., None]) -> None:
    """What was sent before the close still arrives; then the channel is closed, and stays so."""

    async def act(one: Channel, other: Channel) -> None:
        for number in range(10):
            await one.send(m.Ping(number))

        async def receive() -> list[int]:
            return [(await other.receive()).number for _ in range(10)]

        got, _ = await asyncio.gather(receive(), one.close())
        assert list(range(10)) == got
        for _ in range(2):
            with pytest.raises(ChannelClosed):
                await other.receive()

    on_pair(act)


def test_use_after_close(on_pair: Callable[..., None]) -> None:
    """A closed channel takes nothing; closing it again does nothing."""

    async def act(one: Channel, other: Channel) -> None:
        await asyncio.gather(one.close(), other.close())
        await one.close()
        with pytest.raises(ChannelClosed):
            await one.send(m.Ping(1))
        with pytest.raises(ChannelClosed):
            await one.receive()

    on_pair(act)


def test_close_while_receiving(on_pair: Callable[..., None]) -> None:
    """Who waits for a message learns that the other end has closed."""

    async def act(one: Channel, other: Channel) -> None:
        waiting = asyncio.ensure_future(one.receive())
        await asyncio.sleep(0)
        await other.close()
        with pytest.raises(ChannelClosed):
            await waiting

    on_pair(act)


def test_slow_reader(on_pair: Callable[..., None]) -> None:
    """A sender waits for a reader that doesn't read; when that one closes, the sender learns it."""

    async def act(one: Channel, other: Channel) -> None:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await one.send(m.Output(0, 1, bytes(limits.SHIP_CHUNK_BYTES)))
                sent += 1

        flooding = asyncio.ensure_future(flood())
        before = -1
        while before != sent:  # until it makes no progress any more
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert 0 < sent <= limits.CHANNEL_MESSAGES_MAX
        assert not flooding.done()
        await other.close()
        with pytest.raises(ChannelClosed):
            await flooding

    on_pair(act)


# --- a stream, and who is at its other end -------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\x93\xa4Ping"),
        frame(b"garbage"),
        frame(b"\x91\xa4Nope"),
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        struct.pack(">I", 2**32 - 1) + b"x",
        struct.pack(">I", limits.FRAME_BYTES_MAX + 1),
        struct.pack(">q", -1),
    ],
)
def test_garbage(data: bytes) -> None:
    """S-14: foreign bytes and impossible lengths are ProtocolError, before anything is kept."""

    async def act() -> None:
        async with raw_pair() as (writer, channel):
            writer.write(data)
            with pytest.raises(ProtocolError):
                await channel.receive()

    play(act)


def test_split_anywhere() -> None:
    """A message in single bytes, with signs of life around it, arrives."""

    async def act() -> None:
        async with raw_pair() as (writer, channel):
            data = frame(b"") + frame(m.CONTROL.pack(m.Ping(7))) + frame(b"")
            receiving = asyncio.ensure_future(channel.receive())
            for index in range(len(data)):
                writer.write(data[index : index + 1])
                await writer.drain()
                await asyncio.sleep(0)
            assert m.Ping(7) == await receiving

    play(act)


@pytest.mark.parametrize("cut", [1, 3, 4, 5, -1])
def test_end_inside_a_message(cut: int) -> None:
    """F-13: a connection that ends inside a message never delivers it."""

    async def act() -> None:
        async with raw_pair() as (writer, channel):
            writer.write(frame(m.CONTROL.pack(m.Ping(7)))[:cut])
            writer.close()
            with pytest.raises(ProtocolError, match="inside a message"):
                await channel.receive()

    play(act)


def test_end_between_messages() -> None:
    """A connection that ends between messages is closed, after what came before."""

    async def act() -> None:
        async with raw_pair() as (writer, channel):
            writer.write(frame(m.CONTROL.pack(m.Ping(7))))
            writer.close()
            assert m.Ping(7) == await channel.receive()
            with pytest.raises(ChannelClosed):
                await channel.receive()

    play(act)


def test_caps() -> None:
    """S-14: a stranger's frame may have 64 KiB; a larger one is taken once the peer is known."""
    large = m.OpenRun(b"r" * 16, bytes(limits.STRANGER_FRAME_BYTES_MAX))

    async def act() -> None:
        async with raw_pair(trusted=False) as (writer, channel):
            writer.write(frame(m.CONTROL.pack(large)))
            with pytest.raises(ProtocolError, match=r"at most 65536 may come"):
                await channel.receive()
        async with raw_pair(trusted=False) as (writer, channel):
            channel.trust()
            writer.write(frame(m.CONTROL.pack(large)))
            assert large == await channel.receive()

    play(act)


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-10: an end that says nothing, not even that it lives, is taken for dead."""
    monkeypatch.setattr(limits, "SILENCE_TIMEOUT_S", 0.1)

    async def act() -> None:
        async with raw_pair() as (_, channel):
            with pytest.raises(ChannelClosed, match=r"nothing was heard for 0\.1 s"):
                await channel.receive()

    play(act)


def test_trickle_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-15: slow is not dead: every byte counts as a sign of life."""
    monkeypatch.setattr(limits, "SILENCE_TIMEOUT_S", 30.0)

    async def act() -> None:
        async with raw_pair() as (writer, channel):
            receiving = asyncio.ensure_future(channel.receive())
            for byte in frame(m.CONTROL.pack(m.Ping(7))):
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert m.Ping(7) == await receiving

    play(act)


def test_heartbeat(monkeypatch: pytest.MonkeyPatch, contexts: Contexts) -> None:
    """Two ends with nothing to say keep the channel alive, longer than the silence allowed."""
    monkeypatch.setattr(limits, "HEARTBEAT_INTERVAL_S", 0.02)
    monkeypatch.setattr(limits, "SILENCE_TIMEOUT_S", 0.7)

    async def act() -> None:
        async with stream_pair(contexts) as (one, other):
            with pytest.raises(TimeoutError):  # ours; silence would be ChannelClosed
                async with asyncio.timeout(1.5):
                    await one.receive()
            sending = asyncio.ensure_future(other.send(m.Ping(1)))
            assert m.Ping(1) == await one.receive()
            await sending

    play(act)


def test_heartbeat_is_an_empty_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle channel says so by a frame of no bytes, only once it is trusted."""
    monkeypatch.setattr(limits, "HEARTBEAT_INTERVAL_S", 0.01)

    async def act() -> None:
        async with stream_ends(None) as ((reader, _), (other_reader, writer)):
            channel = StreamChannel(other_reader, writer, m.CONTROL)
            channel.trust()
            assert bytes(8) == await reader.readexactly(8)
            await channel.close()

    play(act)


def test_close_with_a_dead_end(monkeypatch: pytest.MonkeyPatch, contexts: Contexts) -> None:
    """Closing takes no longer than its bound, and leaves no descriptor, where nobody answers."""
    monkeypatch.setattr(limits, "CHANNEL_CLOSE_TIMEOUT_S", 0.1)

    async def act() -> None:
        async with stream_ends(contexts) as ((_, mute), (reader, writer)):
            mute.transport.pause_reading()
            connection = writer.get_extra_info("socket")
            channel = StreamChannel(reader, writer, m.CONTROL)
            channel.trust()
            await channel.send(m.OpenRun(b"", bytes(limits.CHANNEL_BUFFER_BYTES // 2)))
            await channel.close()
            await asyncio.sleep(0)
            assert -1 == connection.fileno()

    play(act)


def test_bit_flips(contexts: Contexts) -> None:
    """S-10: what an attacker changes on the way under TLS ends the connection; nothing arrives."""

    async def act() -> None:
        async with stream_pair(contexts) as (one, other):
            raw = one._writer.get_extra_info("socket")  # type: ignore[attr-defined]
            record = b"\x17\x03\x03\x00\x20" + bytes(32)
            await asyncio.get_running_loop().run_in_executor(None, raw._sock.send, record)
            with contextlib.suppress(ChannelClosed):  # the other end may have hung up already
                await one.send(m.Ping(1))
            with pytest.raises(ChannelClosed):
                await other.receive()

    play(act)
