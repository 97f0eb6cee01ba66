"""One run on one peer: its sandbox and its nodes, from their start to their last trace."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from distrcomp import notices as n

from .. import limits
from ..control import looks
from ..control import messages as m
from ..errors import CannotStart, PeerRefused
from ..ship.patterns import Patterns
from ..ship.store import Store
from . import stopped
from .child import Child, Start, start_cold
from .control_socket import packed
from .findings import findings, stacks_of
from .guardian import Guardian, kill_stragglers, mark_of
from .links import Links
from .memory_watch import read_kills
from .node_process import STDERR, NodeProcess
from .order import (
    command_line,
    common_environment,
    node_environment,
    program_name,
    program_names,
    program_of,
    require_command,
    require_sound,
    start_folder,
    threads_note,
)
from .relay import relayed
from .run_files import RunFiles
from .sampling import sampled
from .sandbox import Sandbox
from .shared import Shared, share
from .starter import Starter
from .status import nodes_status

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class PeerRun:
    """What an agent does for one run, from its bundle to its last trace.

    Args:
        run_id: the run.
        store, sandboxes, guardian, starter: of the agent.
        tell: sends a message to the run's launcher; awaiting it slows a node that floods.

    Attributes:
        files: its bundle on its way, and then its sandbox.
        links: of its nodes here.
        python: the interpreter of its nodes.
    """

    def __init__(
        self,
        run_id: bytes,
        store: Store,
        sandboxes: Path,
        guardian: Guardian,
        starter: Starter,
        tell: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.run_id = run_id
        self.files = RunFiles(run_id, store, sandboxes, guardian, tell)
        self.python = sys.executable
        self._guardian = guardian
        self._starter = starter
        self._tell = tell
        self._order: m.StartNodes | None = None
        self._local_ids: dict[int, int] = {}
        self._folders: dict[int, str] = {}
        self._mark = ""
        self._common: dict[str, str] = {}
        self._loop = asyncio.get_running_loop()
        self._nodes: dict[int, NodeProcess] = {}
        self.links = Links(self._nodes)
        self._ready: set[int] = set()
        self._ends: list[n.NodeEnded] = []
        self._gathers_ends = False
        self._failed_at: dict[int, float] = {}
        self._kills = read_kills()
        self._went_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: list[int] = []
        self._sharing = contextlib.ExitStack()
        self._shared = Shared()
        self._closing: asyncio.Future[m.RunClosed] | None = None

    # --- running ------------------------------------------------------------------------------

    async def start(self, order: m.StartNodes) -> None:
        """Makes the nodes ready; each says NodeReady by itself. Raises CannotStart.

        A Python program's interpreter starts now and waits for Go; a command, which cannot wait,
        starts at Go.
        """
        sandbox = self._the_sandbox
        require_sound(order)
        self.files.release()
        self._order = order
        self._mark = mark_of(self.run_id.hex(), [each.node for each in order.nodes])
        self._guardian.watch_run(self._mark)
        self._local_ids = {each.node: local_id for local_id, each in enumerate(order.nodes)}
        for node in self._local_ids:
            self._folders[node] = start_folder(sandbox.path, self._program(node).wdir)
        self._common = common_environment(order, self.python)
        if note := threads_note(order, self._label):
            await self._tell(m.Note(note))
        self._late = [node for node in self._local_ids if not self._program(node).is_python]
        for node in self._late:
            command, folder = self._program(node).arguments[0], self._folders[node]
            require_command(command, folder, self._environment(node).get("PATH"))
        if len(self._late) < len(order.nodes):
            await self._start_sharing()
        for node in self._late:
            await self._tell(m.NodeReady(node))

    async def _start_sharing(self) -> None:
        """Starts what can wait; what all share stays open here for those who start at Go."""
        with contextlib.ExitStack() as sharing:
            self._shared = sharing.enter_context(share(len(self._local_ids)))
            early = [node for node in self._local_ids if self._program(node).is_python]
            starts = [self._start(node) for node in early]
            try:
                await self._starter.start(starts, self._adopt)
            except OSError as error:
                raise _cannot_start(starts[0], error) from error
            if self._late:
                self._sharing = sharing.pop_all()
        if self._shared.why_not:
            why_not = self._shared.why_not
            await self._tell(
                m.Note(f"no shared memory on {self._label} ({why_not}): sockets instead")
            )

    def _start(self, node: int) -> Start:
        """How to start a node."""
        program, folder = self._program(node), self._folders[node]
        return Start(
            node,
            command_line(program, self._the_sandbox.path, folder, self.python),
            self._environment(node),
            folder,
            takes_input=self._the_order.stdin_node == node,
            inherited=self._shared.descriptors,
            writes_stacks=program.is_python,
        )

    def _program(self, node: int) -> m.Program:
        return program_of(self._the_order, self._local_ids[node])

    def _environment(self, node: int) -> dict[str, str]:
        order, local_id = self._the_order, self._local_ids[node]
        return node_environment(order, self.run_id, local_id, self._common, self._folders[node])

    def _start_late(self) -> None:
        """Starts the commands."""
        for start in map(self._start, self._late):
            try:
                self._adopt(start_cold(start))
            except OSError as error:
                raise _cannot_start(start, error) from error

    def _adopt(self, child: Child) -> None:
        """A node has been started."""
        node = NodeProcess(child, self._on_notice, self._on_output)
        self._nodes[node.node] = node
        self._guardian.watch_group(node.group)
        order = self._the_order.nodes[self._local_ids[node.node]]
        node.tell(self._ticket(order, self._shared, node.stack_descriptor))
        self._spawn(self._watch(node))

    def _ticket(self, node: m.NodeOrder, shared: Shared, stacks: int) -> n.Ticket:
        order = self._the_order
        return n.Ticket(
            self.run_id,
            node.node,
            len(order.machine_of),
            order.machines,
            order.machine_of,
            node.certificate,
            order.authority,
            order.data_plane,
            shared.segment,
            shared.doorbells,
            stacks,
        )

    def go(self) -> None:
        """Lets the programs begin."""
        self._went_at = self._loop.time()
        with self._sharing:
            self._start_late()
        self._tell_all(n.Go())

    def take_input(self, data: bytes) -> None:
        """Gives bytes to the stdin node and says InputTaken when it has room for more."""
        node = self._nodes.get(self._the_order.stdin_node)
        if node is not None:
            self._spawn(self._feed(node, data))

    async def _feed(self, node: NodeProcess, data: bytes) -> None:
        await node.give_input(data)
        await self._tell(m.InputTaken())

    def end_of_node(self, node: int, why: str) -> None:
        """Passes the end of a node, anywhere, on to the nodes here: the first at once.

        What ends soon after it is told together, for each time wakes all nodes, and mostly all end.
        """
        self._ends.append(n.NodeEnded(node, why))
        if not self._gathers_ends:
            self._tell_ends()

    def _tell_ends(self) -> None:
        ends, self._ends = self._ends, []
        self._gathers_ends = bool(ends)
        if ends:
            self._tell_all(*ends)
            self._loop.call_later(limits.ENDS_GATHERED_S, self._tell_ends)

    def abort(self, node: int | None, why: str) -> None:
        """Passes the run's failure on to the nodes here."""
        self._tell_all(*self._ends, n.Abort(node, why))
        self._ends.clear()

    def ask(self, number: int, nodes: Sequence[int]) -> None:
        """Asks some nodes, as far as they are here, how they stand."""
        for node in self._nodes.keys() & set(nodes):
            self._nodes[node].tell(n.Ask(number))

    def signal(self, number: int) -> None:
        """Signals every node that is alive; raises PeerRefused for a signal that ends nobody."""
        if number not in _ENDING_SIGNALS:
            raise PeerRefused(f"signal {number} is not one that ends a run")
        for node in self._nodes.values():
            node.signal(number)

    async def take_stacks(self, nodes: Sequence[int]) -> tuple[looks.NodeStacks, ...]:
        """Where these nodes are, if they are here; none named: all of them."""
        asked = [node for node in self._nodes.values() if not nodes or node.node in nodes]
        return await stacks_of(asked, self._folders)

    async def status(self) -> looks.RunStatus:
        """How the nodes here fare."""
        seconds = None if self._went_at is None else self._loop.time() - self._went_at
        order = self._order
        if order is None:
            return looks.RunStatus(self.run_id, "", 0, None, False, ())
        nodes = await nodes_status(self._nodes.values(), self._label, self._state)
        programs = {each.node: each.program for each in order.nodes}
        return looks.RunStatus(
            self.run_id,
            program_name(order),
            len(order.machine_of),
            seconds,
            is_whole=False,
            nodes=tuple(replace(each, program=programs[each.node]) for each in nodes),
            programs=program_names(order),
        )

    def _state(self, node: int) -> str:
        if self._went_at is not None:
            return "running"
        return "ready" if node in self._ready else "starting"

    def collect(self, patterns: Sequence[str]) -> None:
        """Ends the nodes and sends back what these patterns mean, once."""
        folders = {each.node: self._program(each.node).wdir for each in self._the_order.nodes}
        self.files.send_back(Patterns(patterns), folders, self._end_nodes)

    def hand_over(self, source: int, dest: int, connection: socket.socket) -> bool:
        """Gives a connection that entered by the agent's port to the node it is for."""
        n_node = 0 if self._order is None else len(self._order.machine_of)
        return 0 <= source < n_node and self.links.hand_over(source, dest, connection)

    async def close(self) -> m.RunClosed:
        """Kills what is left and removes every trace; all who call wait for the one end."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        return await asyncio.shield(self._closing)

    async def _close(self) -> m.RunClosed:
        self._sharing.close()
        await self._end_nodes()
        return await self.files.end()

    async def _end_nodes(self) -> None:
        """Kills what is left: nobody writes any more."""
        self.signal(signal.SIGKILL)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limits.CLOSE_TIMEOUT_S)
        for task in self._tasks:
            task.cancel()
        if self._order is not None:
            await asyncio.to_thread(kill_stragglers, self._mark)
            self._guardian.forget_run(self._mark)

    # --- what the nodes do ----------------------------------------------------------------------

    async def _on_output(self, node: int, stream: int, data: bytes) -> None:
        await self._tell(m.Output(node, stream, data))

    async def _on_notice(self, node: int, notice: Any) -> None:
        match notice:
            case n.Ready():
                if node in self._ready:
                    return
                self._ready.add(node)
                if node not in self._late:
                    await self._tell(m.NodeReady(node))
            case n.WritesStacks(number):
                self._nodes[node].stacks_by(number)
            case n.Exits(code):
                self._nodes[node].take_code(code)
            case n.Traffic():
                self._nodes[node].take_traffic(notice)
            case n.WantLink(dest):
                if dest in self._nodes:
                    self.links.join(node, dest)
                else:
                    await self._tell(m.LinkWanted(node, dest))
            case _:
                if isinstance(notice, n.Failed):
                    self._failed_at.setdefault(node, self._loop.time())
                if (message := relayed(node, notice)) is not None:
                    await self._tell(message)

    async def _watch(self, node: NodeProcess) -> None:
        program = self._program(node.node)
        async with stopped.watched(node, self._tell), sampled(node, program, self._tell):
            code, number = await node.run()
        self._guardian.forget_group(node.group)
        if code != 0 or node.node in self._failed_at:
            failed_at = self._failed_at.get(node.node, inf)
            found = findings(node, number, failed_at, self._kills, self._folders[node.node])
            if found.crash:  # it went past stderr, where it is looked for
                await self._on_output(node.node, STDERR, found.crash.encode())
            await self._tell(found)
        await self._tell(m.NodeExited(node.node, code, number))

    def _tell_all(self, *notices: Any) -> None:
        data = packed(*notices)
        for node in self._nodes.values():
            if not node.has_ended:
                node.tell_packed(data)

    def _spawn(self, act: Any) -> None:
        task = asyncio.ensure_future(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def _label(self) -> str:
        """What this machine is called in the run."""
        order = self._the_order
        return order.machines[order.machine_of[order.nodes[0].node]].label

    @property
    def _the_order(self) -> m.StartNodes:
        if self._order is None:
            raise PeerRefused("the nodes have not been started")
        return self._order

    @property
    def _the_sandbox(self) -> Sandbox:
        if self.files.sandbox is None:
            raise PeerRefused("the bundle is not complete yet")
        return self.files.sandbox


def _cannot_start(start: Start, error: OSError) -> CannotStart:
    return CannotStart(f"{start.arguments[0]} cannot be started: {error.strerror}")
