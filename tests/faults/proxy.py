"""A fault proxy: it stands between who calls an agent's port and the agent, and is a bad line.

What it does to bytes is said for each direction by a `Way`: wait before each piece, cut them into
small pieces, let only so many pass a second, hold them, or break the connection after so many. A
launcher's connection and a node's can have different faults; they are told apart by their first
byte. It knows nothing of what the bytes mean, and changes none.

It runs in a thread of its own; a test tells it things from outside (`hold`, `release`) and waits
for the signs that it gives (`wait_for_held`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

_TLS_HANDSHAKE = 0x16
_READ_BYTES = 65536
_SIGN_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Way:
    """What happens to the bytes of one direction.

    Attributes:
        delay_s: the least and the most that each piece waits, drawn anew for each.
        slice_bytes: the largest piece; 0 for as they come.
        bytes_per_s: how many pass in a second; 0 for any number.
        hold_after: after so many bytes nothing passes until `release`; None: never.
        cut_after: after so many bytes the connection ends, both ways; None: never.
        cut_by_reset: whether it ends by a reset, else in order.
    """

    delay_s: tuple[float, float] = (0.0, 0.0)
    slice_bytes: int = 0
    bytes_per_s: int = 0
    hold_after: int | None = None
    cut_after: int | None = None
    cut_by_reset: bool = True

    def pieces(self, data: bytes, passed: int) -> Iterator[bytes]:
        """`data`, of which `passed` bytes came before, in the pieces in which it goes on."""
        size = self.slice_bytes or _READ_BYTES
        while data:
            borders = [edge - passed for edge in (self.hold_after, self.cut_after) if edge]
            length = min([size, *(border for border in borders if border > 0)])
            yield data[:length]
            passed += len(data[:length])
            data = data[length:]


@dataclass(frozen=True)
class Faults:
    """What happens to a connection: `there` to the agent, `back` to who called."""

    there: Way = field(default_factory=Way)
    back: Way = field(default_factory=Way)


class _Cut(Exception):
    """The connection has passed as many bytes as it may."""

    def __init__(self, *, by_reset: bool) -> None:
        super().__init__()
        self.by_reset = by_reset


class FaultProxy:
    """Use as `with`; callers connect to `address`.

    Args:
        target: where the agent listens.
        control: the faults of launchers' connections.
        mesh: the faults of nodes' connections.
        seed: of the delays.

    Attributes:
        address: where the proxy listens.
    """

    def __init__(
        self,
        target: tuple[str, int],
        control: Faults | None = None,
        mesh: Faults | None = None,
        seed: int = 0,
    ) -> None:
        self._target = target
        self._faults = {True: control or Faults(), False: mesh or Faults()}
        self._random = random.Random(seed)
        self._listener = socket.create_server((target[0], 0), family=_family(target[0]))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._free = asyncio.Event()
        self._free.set()
        self._held = threading.Event()
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(self._stop)
        self._thread.join(_SIGN_TIMEOUT_S)
        self._loop.close()

    def hold(self) -> None:
        """From now on nothing passes on the way to the agent, until `release`."""
        self._tell(self._free.clear)

    def release(self) -> None:
        """Lets everything pass again; what was held comes first."""
        self._tell(self._free.set)
        self._tell(self._released.set)

    def wait_for_held(self) -> None:
        """Returns once bytes, or a node's connection, are held."""
        assert self._held.wait(_SIGN_TIMEOUT_S), "nothing came that was to be held"

    def _tell(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._listener.setblocking(False)
        self._loop.run_until_complete(self._accept())

    async def _accept(self) -> None:
        self._accepting = asyncio.current_task()
        try:
            while True:
                connection, _ = await self._loop.sock_accept(self._listener)
                task = asyncio.ensure_future(self._serve(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except asyncio.CancelledError:
            self._listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _stop(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()

    async def _serve(self, connection: socket.socket) -> None:
        ends: list[asyncio.StreamWriter] = []
        try:
            caller, to_caller = await asyncio.open_connection(sock=connection)
            ends.append(to_caller)
            agent, to_agent = await asyncio.open_connection(*self._target)
            ends.append(to_agent)
            first = await caller.read(_READ_BYTES)
            faults = self._faults[first[:1] == bytes([_TLS_HANDSHAKE])]
            there = _Pump(self, faults.there, self._free).run(first, caller, to_agent)
            back = _Pump(self, faults.back, None).run(None, agent, to_caller)
            await asyncio.gather(there, back)
        except _Cut as cut:
            if cut.by_reset:
                _reset_at_close(ends)
        except OSError:  # an end was reset: so is the other one
            _reset_at_close(ends)
        finally:
            for writer in ends:
                writer.transport.abort()

    async def pause(self, way: Way, n_bytes: int) -> None:
        """Waits as long as a piece of so many bytes takes."""
        slow_s = n_bytes / way.bytes_per_s if way.bytes_per_s else 0.0
        delay_s = self._random.uniform(*way.delay_s) + slow_s
        if delay_s:
            await asyncio.sleep(delay_s)

    async def wait_until_free(self, free: asyncio.Event) -> None:
        """Waits while bytes are held, and gives the sign."""
        if not free.is_set():
            self._held.set()
            await free.wait()

    @property
    def released(self) -> asyncio.Event:
        """Set by `release`: what `hold_after` holds may pass."""
        return self._released


class _Pump:
    """One direction of one connection; `free`, where there is one, is clear while all is held."""

    def __init__(self, proxy: FaultProxy, way: Way, free: asyncio.Event | None) -> None:
        self._proxy = proxy
        self._way = way
        self._free = free
        self._passed = 0

    async def run(
        self, data: bytes | None, source: asyncio.StreamReader, dest: asyncio.StreamWriter
    ) -> None:
        """Passes on what was read already, and then all that comes."""
        self._cut_if_due()
        while data is None or data:
            for piece in self._way.pieces(data or b"", self._passed):
                if self._passed == self._way.hold_after:
                    await self._proxy.wait_until_free(self._proxy.released)
                if self._free is not None:
                    await self._proxy.wait_until_free(self._free)
                await self._proxy.pause(self._way, len(piece))
                dest.write(piece)
                await dest.drain()
                self._passed += len(piece)
                self._cut_if_due()
            data = await source.read(_READ_BYTES)
        with contextlib.suppress(OSError):
            dest.write_eof()

    def _cut_if_due(self) -> None:
        if self._passed == self._way.cut_after:
            raise _Cut(by_reset=self._way.cut_by_reset)


def _reset_at_close(ends: list[asyncio.StreamWriter]) -> None:
    """Has these connections end by RST instead of FIN."""
    for writer in ends:
        raw: Any = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
