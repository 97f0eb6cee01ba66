"""The channel between launcher and agent: messages in order, or ChannelClosed.

Two forms with one interface. In memory: two queues, for the agent that lives inside the launcher.
As a stream: frames over TLS. A stream channel sends an empty frame when it has been quiet for
HEARTBEAT_INTERVAL_S and takes the other end for dead after SILENCE_TIMEOUT_S without a byte, so
neither end waits on a vanished one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Protocol

from distrcomp.errors import ProtocolError
from distrcomp.frames import FrameDecoder, frame
from distrcomp.schema import Schema

from .. import limits
from ..errors import ChannelClosed

_READ_BYTES = 256 * limits.KIB


class Channel(Protocol):
    """One end of a conversation between launcher and agent."""

    async def send(self, message: Any) -> None:
        """Hands `message` over, waiting while the other end is slow; raises ChannelClosed."""

    async def receive(self) -> Any:
        """The next message; raises ChannelClosed at the end, ProtocolError on foreign bytes."""

    async def close(self) -> None:
        """Ends the conversation; what was sent before still arrives, if the other end reads on."""


class _Pipe:
    """One direction of a channel in memory: a bounded queue that can end."""

    def __init__(self) -> None:
        self.messages: deque[Any] = deque()
        self.ended = False
        self.changed = asyncio.Condition()

    async def put(self, message: Any) -> None:
        async with self.changed:
            await self.changed.wait_for(
                lambda: self.ended or len(self.messages) < limits.CHANNEL_MESSAGES_MAX
            )
            if self.ended:
                raise ChannelClosed("the channel is closed")
            self.messages.append(message)
            self.changed.notify_all()

    async def get(self) -> Any:
        async with self.changed:
            await self.changed.wait_for(lambda: self.ended or self.messages)
            if not self.messages:
                raise ChannelClosed("the other end closed the channel")
            self.changed.notify_all()
            return self.messages.popleft()

    async def end(self) -> None:
        async with self.changed:
            self.ended = True
            self.changed.notify_all()


class MemoryChannel:
    """One end of a channel inside one process; made by `memory_pair`."""

    def __init__(self, outgoing: _Pipe, incoming: _Pipe) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def send(self, message: Any) -> None:
        await self._outgoing.put(message)

    async def receive(self) -> Any:
        return await self._incoming.get()

    async def close(self) -> None:
        await self._outgoing.end()
        await self._incoming.end()


def memory_pair() -> tuple[MemoryChannel, MemoryChannel]:
    """The two ends of a channel in memory."""
    there, back = _Pipe(), _Pipe()
    return MemoryChannel(there, back), MemoryChannel(back, there)


class StreamChannel:
    """A channel of frames over a byte stream (TLS in the product).

    Until `trust` is called a frame may be no longer than a stranger's.

    Args:
        reader, writer: the connection; the channel closes it.
        schema: the messages that may travel.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        schema: Schema,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._schema = schema
        self._decoder = FrameDecoder(limits.STRANGER_FRAME_BYTES_MAX)
        self._ready: list[bytes] = []
        self._heart: asyncio.Task[None] | None = None
        self._quiet = True
        self._closed = False
        writer.transport.set_write_buffer_limits(high=limits.CHANNEL_BUFFER_BYTES)

    def trust(self) -> None:
        """The other end is known: larger frames may come, and each end now proves its life."""
        self._decoder.bytes_max = limits.FRAME_BYTES_MAX
        if self._heart is None:
            self._heart = asyncio.ensure_future(self._beat())

    async def send(self, message: Any) -> None:
        if self._closed:
            raise ChannelClosed("the channel is closed")
        self._quiet = False
        try:
            self._writer.write(frame(self._schema.pack(message)))
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise ChannelClosed(f"the connection broke: {error}") from error

    async def receive(self) -> Any:
        while not self._ready:
            self._ready = [body for body in self._decoder.feed(await self._read()) if body]
            self._ready.reverse()
        return self._schema.unpack(self._ready.pop())

    async def close(self) -> None:
        if self._closed:  # waiting twice for one stream's end would cancel the second wait
            return
        self._closed = True
        if self._heart is not None:
            self._heart.cancel()
        self._writer.close()
        try:
            with contextlib.suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(limits.CHANNEL_CLOSE_TIMEOUT_S):
                    await self._writer.wait_closed()
        finally:  # an end that answers nothing would keep the descriptor for half a minute
            self._writer.transport.abort()

    async def _read(self) -> bytes:
        timeout_s = limits.SILENCE_TIMEOUT_S if self._heart is not None else None
        try:
            try:
                async with asyncio.timeout(timeout_s):
                    data = await self._reader.read(_READ_BYTES)
            except TimeoutError:  # if this process stood still, what came meanwhile lies there
                async with asyncio.timeout(limits.SECOND_LOOK_S):
                    data = await self._reader.read(_READ_BYTES)
        except TimeoutError as error:
            raise ChannelClosed(f"nothing was heard for {timeout_s:g} s") from error
        except OSError as error:
            raise ChannelClosed(f"the connection broke: {error}") from error
        if not data:
            if self._decoder.pending_bytes:
                raise ProtocolError("the connection ended inside a message")
            raise ChannelClosed("the other end closed the connection")
        return data

    async def _beat(self) -> None:
        while not self._writer.is_closing():
            await asyncio.sleep(limits.HEARTBEAT_INTERVAL_S)
            if self._quiet and not self._writer.is_closing():
                with contextlib.suppress(OSError, RuntimeError):
                    self._writer.write(frame(b""))
            self._quiet = True
