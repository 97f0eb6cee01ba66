"""Carries a run out: feeds its machine with what happens, and does what the machine asks for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from distrcomp.errors import ProtocolError

from .. import limits
from ..control import files, looks, passing, recordings
from ..control import messages as m
from ..errors import CannotWrite, ChannelClosed, PeerRefused
from ..ship.bundle import Bundle
from .collection import Collection
from .connect import Connection
from .course import Course
from .events import (
    Action,
    CannotKeep,
    FromPeer,
    Interrupt,
    PassOn,
    PeerLost,
    Say,
    SetTimer,
    Ship,
    Tell,
    TimerFired,
)
from .ledger import Failure
from .life import State
from .machine import RunMachine
from .overview import Overview
from .phases import Timeline
from .plain import plain_lines
from .pulse import Pulse
from .recording import Recording
from .shipping import Shipper
from .signals import ended_by
from .sinks import STDERR, STDOUT, Sinks
from .stdin import StdinReader
from .table import Row, View


class Controller:
    """The shell around a RunMachine.

    Args:
        course: what the run is to be.
        connections: the agents that take part, in the order of the course's labels.
        bundle: what to ship.
        sinks: where output goes.
        view: where progress is shown.
        stdin: the peer of the node that gets stdin, and what reads it; None: no node does.
    """

    def __init__(
        self,
        course: Course,
        connections: Sequence[Connection],
        bundle: Bundle,
        sinks: Sinks,
        view: View,
        stdin: tuple[int, Callable[[], bytes]] | None,
    ) -> None:
        self.machine = RunMachine(course)
        self.collection = Collection(course)
        self._connections = connections
        self._sinks = sinks
        self._view = view
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue(limits.EVENTS_MAX)
        self.shipper = Shipper(course.opening.run_id, bundle, connections, view, self._events.put)
        self._outgoing: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in connections]
        self._tasks: set[asyncio.Task[None]] = set()
        self._stdin_peer = None if stdin is None else stdin[0]
        self._stdin = None if stdin is None else StdinReader(self._events, stdin[1])
        self._is_unheard = False
        self._clocks_known = (False, 0)
        self._printed_at: dict[int, float] = {}
        self._pulse = Pulse(lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        self._asked_at: dict[int, float] = {}
        self.timeline = Timeline(self._loop.time())
        self.recording = Recording(course.placement, course.record)
        self.overview = Overview(self.machine, course.program, self._tell)

    async def run(self) -> None:
        """Until the run is over and cleaned up; the machine then knows how it went."""
        self._spawn(self._beat())
        for peer, connection in enumerate(self._connections):
            if connection.peer.is_here:
                self.machine.ledger.clocks.is_ours(peer)
            self._spawn(self._listen(peer, connection))
            self._spawn(self._talk(peer, connection))
        try:
            with ended_by(self.interrupt):
                self._perform(self.machine.begin())
                self._note_phase(None)
                while not self.machine.is_done:
                    event = await self._next_event()
                    if event is not None:
                        await self._handle(event)
                        self._ask_clocks()
                        self._note_phase(event)
                    self._show()
        finally:
            self.shipper.stop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for connection in self._connections:
                await connection.channel.close()
            self._sinks.close()
            self.collection.close()
        lost = self._sinks.folder_failure
        if lost and self.machine.ledger.cause() is None:  # known when the nodes had ended
            self.machine.ledger.failures.append(Failure(lost, lost))

    async def _handle(self, event: Any) -> None:
        match event:
            case FromPeer(peer, m.Output(node, stream, data)):
                await self._take_output(peer, node, stream, data)
            case FromPeer(peer, files.FilePart() as part):
                self._perform(self.machine.handle(event, self._loop.time()))
                if peer in self.machine.peers and self.machine.state is State.COLLECTING:
                    self._take_file(peer, part)
            case FromPeer(peer, looks.Runs() as answer):
                self.overview.take(peer, answer)
            case FromPeer(peer, m.Pong(number, at)):
                self.machine.ledger.clocks.answer(peer, number, at, self._loop.time())
            case FromPeer(peer, message) if isinstance(message, recordings.FROM_AGENT):
                await self._take_record(peer, message)
            case FromPeer(_, m.InputTaken()):
                if self._stdin is not None:
                    self._stdin.more()
            case m.Input():
                if self._stdin_peer is not None:
                    self._outgoing[self._stdin_peer].put_nowait(event)
            case _:
                match event:
                    case FromPeer(peer, looks.StacksTaken() as taken):
                        self.overview.take(peer, taken)
                    case FromPeer(peer, m.Missing() as missing):
                        self.shipper.lacks(peer, missing)
                    case FromPeer(peer, passing.FetchedSoFar(n_bytes)):
                        self.shipper.fetched(peer, n_bytes)
                started = self.machine.ledger.started_at
                self._perform(self.machine.handle(event, self._loop.time()))
                match event:
                    case FromPeer() | PeerLost() if event.peer not in self.machine.peers:
                        self.shipper.stop(event.peer)
                        self._spawn(self._connections[event.peer].channel.close())
                match event:
                    case FromPeer(peer, m.NodeExited(node)) if self._has(peer, node):
                        self._sinks.end_node(node)
                        self._check_sinks()
                if started is None and self.machine.ledger.started_at is not None and self._stdin:
                    self._stdin.start()

    def _ask_clocks(self) -> None:
        """Compares clocks when the programs begin, and close to each failure."""
        machine = self.machine
        now_known = (machine.ledger.started_at is not None, len(machine.ledger.failures))
        if now_known != self._clocks_known:
            self._clocks_known = now_known
            for peer in machine.peers:
                self._tell(peer, m.Ping(machine.ledger.clocks.ask(peer, self._loop.time())))

    async def _take_record(self, peer: int, message: Any) -> None:
        objection = self.recording.take(peer, message)
        now = self._loop.time()
        if objection is not None:
            await self._handle(PeerLost(peer, objection))
        elif now - self._asked_at.get(peer, 0.0) >= limits.CLOCK_INTERVAL_S:
            self._asked_at[peer] = now
            self._tell(peer, m.Ping(self.machine.ledger.clocks.ask(peer, now)))

    def _note_phase(self, event: Any) -> None:
        machine = self.machine
        self.timeline.follow(event, machine.state, machine.course.labels, self._loop.time())

    async def _take_output(self, peer: int, node: int, stream: int, data: bytes) -> None:
        if not self._has(peer, node) or stream not in (STDOUT, STDERR):
            await self._handle(PeerLost(peer, "it sent the output of a node it does not have"))
            return
        self._printed_at[node] = self._loop.time()
        if self._sinks.may_block:  # whoever reads us may pause; our heartbeats may not
            await asyncio.to_thread(self._sinks.take, node, stream, data)
        else:
            self._sinks.take(node, stream, data)
        self._check_sinks()

    def _check_sinks(self) -> None:
        """Where nobody takes our output any more there is no reason to run."""
        failure, why = self._sinks.failure, self._sinks.folder_failure
        if (failure is None and not why) or self._is_unheard:
            return
        self._is_unheard = True
        if failure is not None and not isinstance(failure, BrokenPipeError):
            self._view.say(f"our output cannot be written: {failure.strerror}: the run is ended")
        self._post_later(Interrupt(why))

    def _take_file(self, peer: int, part: files.FilePart) -> None:
        event: PeerLost | CannotKeep
        try:
            self.collection.take(peer, part)
        except PeerRefused as error:
            event = PeerLost(peer, str(error))
        except CannotWrite as error:
            event = CannotKeep(str(error))
        else:
            label = self.machine.ledger.labels[peer]
            what = f"{part.path} of node {part.node}"
            self._view.collecting(label, self.collection.come_bytes[peer], what)
            return
        self._perform(self.machine.handle(event, self._loop.time()))

    def _has(self, peer: int, node: int) -> bool:
        """Whether there is such a node, on that peer."""
        placement = self.machine.course.placement
        return 0 <= node < len(placement) and placement[node] == peer

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Tell(peer, message):
                    if isinstance(message, m.CloseRun):
                        self.shipper.stop()
                    if isinstance(message, m.StartNodes):
                        self._view.starting(len(self.machine.course.placement))
                    if isinstance(message, looks.TakeStacks):
                        self.overview.expect(peer, looks.StacksTaken)
                    self._tell(peer, message)
                case Ship() | PassOn():
                    self.shipper.begin(action)
                case SetTimer(name, seconds):
                    self._loop.call_later(seconds, self._post_later, TimerFired(name))
                case Say(text, is_answer):
                    if not is_answer or _is_terminal(sys.stderr):
                        self._view.say(plain_lines(text))

    def _tell(self, peer: int, message: Any) -> None:
        self._outgoing[peer].put_nowait(message)

    async def _listen(self, peer: int, connection: Connection) -> None:
        try:
            while True:
                message = await connection.channel.receive()
                await self._events.put(FromPeer(peer, message))
        except (ChannelClosed, ProtocolError) as error:
            await self._events.put(PeerLost(peer, str(error), self._pulse.stood_still_s()))

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(limits.PULSE_INTERVAL_S)

    async def _talk(self, peer: int, connection: Connection) -> None:
        try:
            while True:
                await connection.channel.send(await self._outgoing[peer].get())
        except ChannelClosed:
            return  # the listener tells
        except Exception as error:  # noqa: BLE001  what is never sent must not pass for waiting
            await self._events.put(PeerLost(peer, f"it cannot be told: {error!r}"))

    async def _next_event(self) -> Any | None:
        """The next event; None when it is time to show the progress again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.SHOW_INTERVAL_S):
                return await self._events.get()
        return None

    def _show(self) -> None:
        ledger, now = self.machine.ledger, self._loop.time()
        if ledger.started_at is None or self.collection.come_bytes or not self._view.is_due():
            return
        rows = [self._row(number, now) for number in range(len(ledger.nodes))]
        run_id = self.machine.course.opening.run_id.hex()
        self._view.update(rows, now - ledger.started_at, run_id[: limits.RUN_ID_SHOWN])

    def _row(self, number: int, now: float) -> Row:
        ledger = self.machine.ledger
        node = ledger.nodes[number]
        waits_for, since = ("", now) if node.ended else self.machine.waiting.get(number, ("", now))
        silent_since = max(since, self._printed_at.get(number, since))
        return Row(
            number,
            ledger.labels[node.peer],
            "waiting" if waits_for and node.state == "running" else node.state,
            ledger.seconds_of(number, now),
            next(iter(self._sinks.kept[number].last_lines(1)), ""),
            waits_for if now - silent_since >= limits.TABLE_SILENCE_S else "",
        )

    def interrupt(self) -> None:
        """Ends the run as Ctrl-C does; another time at once."""
        self._post_later(Interrupt())

    def interrupt_programs(self) -> None:
        """SIGINT for all nodes, and no end of the run."""
        for peer in self.machine.peers:
            self._tell(peer, m.SignalNodes(int(signal.SIGINT)))  # messages hold plain numbers

    def _post_later(self, event: Any) -> None:
        """Posts an event from where nothing can be awaited."""
        self._spawn(self._events.put(event))

    def _spawn(self, act: Any) -> None:
        task = asyncio.ensure_future(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
