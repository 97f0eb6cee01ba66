"""One node as its agent sees it: a process group, three pipes and a control socket.

What always holds: the group is killed before its leader is reaped, so its number cannot belong to a
stranger; all output is handed on before the exit is told; nobody waits for the end of a pipe that a
process outside the group still holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from distrcomp.errors import ProtocolError
from distrcomp.frames import FrameDecoder
from distrcomp.notices import TO_AGENT, AskTraffic, Failed, Traffic

from .. import limits
from ..records import record
from .child import Child, ChildLost
from .control_socket import ControlSocket, packed
from .stack_file import ask_for_stacks, crash_of
from .usage import cpu_seconds

STDOUT, STDERR = 1, 2
_UNKNOWN_END = 1

log = logging.getLogger("distrcomp.agent")


@record
class Death:
    """What is known of a node's end beside its exit code.

    Attributes:
        at: when, by the loop's clock.
        peak_bytes: the memory it has used at most.
        cpu_s: the processor time it has used.
        is_killed_here: whether its agent has killed it.
        crash: what Python wrote when it crashed.
    """

    at: float
    peak_bytes: int
    cpu_s: float
    is_killed_here: bool
    crash: str


class NodeProcess:
    """A started node.

    Attributes:
        death: how it ended; None as long as it lives.

    Args:
        child: what was started.
        on_notice: awaited with (node, notice).
        on_output: awaited with (node, stream, data). Neither is called again before it returns, so
            a launcher that is slow to read slows the node, and nothing piles up here.
    """

    def __init__(
        self,
        child: Child,
        on_notice: Callable[[int, Any], Awaitable[None]],
        on_output: Callable[[int, int, bytes], Awaitable[None]],
    ) -> None:
        self.node = child.start.node
        self._on_notice = on_notice
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._child = child
        self._stack_file = child.ends.stack_file
        self._stack_signal = 0
        self._traffic: asyncio.Future[Traffic] | None = None
        self._code: int | None = None
        self._own_code: int | None = None
        self._control = ControlSocket(child.ends.control)
        self._fault = ""
        self._taking: asyncio.Future[tuple[str, str]] | None = None
        self._exited = asyncio.Event()
        self._is_killed = False
        self.death: Death | None = None

    @property
    def group(self) -> int:
        """The process group, which is the pid of its leader."""
        return self._child.pid

    @property
    def stack_descriptor(self) -> int:
        """Of the file for its stacks; -1 where it has none."""
        return -1 if self._stack_file is None else self._stack_file.descriptor

    def stacks_by(self, number: int) -> None:
        """The node has said at which signal it writes its stacks."""
        self._stack_signal = number if 0 < number < signal.NSIG else 0

    async def take_stacks(self) -> tuple[str, str]:
        """Where its threads are, as Python writes it; "" and why where that is not known.

        Who asks while another does gets the same: there is one file.
        """
        if self.has_ended:
            return "", "it has ended"
        if self._stack_file is None:
            return "", "it is no Python program"
        if self._taking is None or self._taking.done():
            asked = ask_for_stacks(self.group, self._stack_signal, self._stack_file)
            self._taking = asyncio.ensure_future(asked)
        return await asyncio.shield(self._taking)

    @property
    def has_ended(self) -> bool:
        """Whether its process is over."""
        return self._code is not None

    async def traffic(self) -> Traffic:
        """Its bytes so far; not known of one that does not listen, or not within the bound.

        A question that is open is not asked again, so nothing piles up for one that is stuck.
        """
        if not self._stack_signal or self.has_ended:
            return Traffic(None, None)
        asked = self._traffic
        if asked is None:
            asked = self._traffic = self._loop.create_future()
            self.tell(AskTraffic())
        await asyncio.wait([asked], timeout=limits.TRAFFIC_WAIT_S)
        return asked.result() if asked.done() else Traffic(None, None)

    def take_traffic(self, traffic: Traffic) -> None:
        """The node has answered."""
        asked, self._traffic = self._traffic, None
        if asked is not None:
            asked.set_result(traffic)

    @property
    def n_links_waiting(self) -> int:
        """How many connections wait until the node takes them."""
        return self._control.n_links_waiting

    def tell(self, notice: Any, connection: socket.socket | None = None) -> None:
        """Sends a notice, with a socket to hand over if there is one; never blocks.

        A node that leaves too much unread is killed.
        """
        self.tell_packed(packed(notice), connection)

    def tell_packed(self, notices: bytes, connection: socket.socket | None = None) -> None:
        """The same of notices that are packed already."""
        self._control.send(notices, connection)
        if self._control.waiting_bytes > limits.NOTICES_WAITING_BYTES_MAX:
            self._control.drop()
            self._kill_for("it did not read what it was told, and was killed by its agent")

    def _kill_for(self, fault: str) -> None:
        """It has done what no node may; whoever waits for it shall know what."""
        log.error("node %d: %s", self.node, fault)
        self._fault = self._fault or fault
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Signals the whole group, unless the node has ended.

        SIGKILL goes to the leader alone: its group follows when it has had time to clean up.
        """
        if self._code is None:
            self._is_killed |= number == signal.SIGKILL
            with contextlib.suppress(ProcessLookupError, PermissionError):
                try:
                    (os.kill if number == signal.SIGKILL else os.killpg)(self.group, number)
                except ProcessLookupError:  # it is just being forked, and has no group yet
                    os.kill(self.group, number)

    async def give_input(self, data: bytes) -> None:
        """Writes to the node's stdin; no data closes it. Returns when there is room for more."""
        stdin = self._child.ends.stdin
        if stdin is None or stdin.closed:
            return
        if not data:
            stdin.close()
            return
        os.set_blocking(stdin.fileno(), False)
        view = memoryview(data)
        while view and not self._exited.is_set():
            try:
                view = view[os.write(stdin.fileno(), view) :]
            except BlockingIOError:
                await self._until(self._loop.add_writer, self._loop.remove_writer, stdin.fileno())
            except OSError:
                return  # the program reads no more

    async def run(self) -> tuple[int | None, int | None]:
        """Until the node has ended: its (exit code, None) or (None, signal)."""
        pumps = [
            asyncio.ensure_future(self._pump_output(STDOUT, self._child.ends.stdout)),
            asyncio.ensure_future(self._pump_output(STDERR, self._child.ends.stderr)),
            asyncio.ensure_future(self._pump_notices()),
        ]
        try:
            await _wait_exit(self.group)
            at = self._loop.time()
            await asyncio.wait(pumps, timeout=limits.GROUP_GRACE_S)  # who holds no pipe is gone
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)  # what it started and left behind
            cpu_s = cpu_seconds(self.group)
            code, peak_bytes = await self._reap()
            crash = "" if self._stack_file is None else self._stack_file.take()
            if self._fault:
                await self._on_notice(self.node, Failed(self._fault, "", None))
            self.death = Death(at, peak_bytes, cpu_s, self._is_killed, crash_of(crash))
            self._exited.set()
            for outcome in await asyncio.gather(*pumps, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("node %d: %r", self.node, outcome)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._control.close()
            if self._stack_file is not None:
                self._stack_file.close()
            if self._child.ends.stdin is not None:
                with contextlib.suppress(OSError):
                    self._child.ends.stdin.close()
        return (code, None) if code >= 0 else (None, -code)

    async def _reap(self) -> tuple[int, int]:
        """The exit code, negative for a signal, and the bytes it has used at most."""
        try:
            code, peak_bytes = await self._child.reap()
        except ChildLost as error:
            code, peak_bytes = _UNKNOWN_END if self._own_code is None else self._own_code, 0
            if self._own_code is None:
                self._fault = self._fault or f"it ended, and nobody has seen how: {error}"
        self._code = code
        return code, peak_bytes

    def take_code(self, code: int) -> None:
        """The node says itself how it ends."""
        self._own_code = code

    async def _pump_output(self, stream: int, pipe: Any) -> None:
        """Hands on what the node writes."""
        with pipe:
            os.set_blocking(pipe.fileno(), False)
            async for data in self._read_all(
                pipe.fileno(), lambda: os.read(pipe.fileno(), limits.OUTPUT_PART_BYTES)
            ):
                await self._on_output(self.node, stream, data)

    async def _pump_notices(self) -> None:
        """Hands on what the node tells; one that speaks no language of ours is killed."""
        decoder = FrameDecoder(limits.NOTICE_FROM_NODE_BYTES_MAX)
        try:
            async for data in self._read_all(self._control.fileno(), self._control.read):
                for body in decoder.feed(data):
                    await self._on_notice(self.node, TO_AGENT.unpack(body))
        except ProtocolError as error:
            self._kill_for(f"it told its agent what is no notice, and was killed for it: {error}")

    async def _read_all(self, descriptor: int, read: Callable[[], bytes]) -> AsyncIterator[bytes]:
        """All that is to be read until the end, or all that was there when the node had ended.

        No more than that: a process outside the group may write on for ever (F-23).
        """
        left_bytes: int | None = None
        while left_bytes != 0:
            if left_bytes is None and self._exited.is_set():
                left_bytes = _waiting_bytes(descriptor)
                continue
            try:
                data = read()
            except BlockingIOError:
                if left_bytes is not None:
                    return
                await self._until(self._loop.add_reader, self._loop.remove_reader, descriptor)
                continue
            except OSError:
                return
            if not data:
                return
            if left_bytes is not None:
                left_bytes = max(0, left_bytes - len(data))
            yield data

    async def _until(
        self, add: Callable[..., Any], remove: Callable[[int], Any], descriptor: int
    ) -> None:
        """Waits until the descriptor is ready or the node has ended."""
        ready = asyncio.Event()
        add(descriptor, ready.set)
        waits = [asyncio.ensure_future(event.wait()) for event in (ready, self._exited)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            remove(descriptor)
            for wait in waits:
                wait.cancel()


def _waiting_bytes(descriptor: int) -> int:
    """How many bytes a pipe or socket holds for its reader."""
    count = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


async def _wait_exit(pid: int) -> None:
    """Waits until the process is over, without reaping it."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # no such thing here, or no descriptor left for it
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
