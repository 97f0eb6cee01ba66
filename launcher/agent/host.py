"""A machine that takes part in runs: the same whether it listens or lives inside the launcher."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distrcomp
from distrcomp.preamble import Preamble

from .. import limits
from ..control import looks
from ..control import messages as m
from ..control.channel import Channel
from ..control.interfaces import Interface
from ..environment.cache import Environments
from ..errors import PeerRefused
from ..ship.store import Store
from .conversation import Conversation
from .guardian import Guardian
from .log_lines import end_line
from .peer_run import PeerRun
from .provision import Provision
from .sandbox import sweep
from .starter import Starter

if TYPE_CHECKING:
    from .passing import Pass
    from .updating import Updating

ENVIRONMENTS = "environments"

log = logging.getLogger("distrcomp.agent")


def python_version() -> str:
    """The x.y of this Python, on which all peers of a run must agree."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


class Host:
    """Serves sessions of launchers, each with one run at most.

    Args:
        folder: where store and sandboxes lie; leftovers of a dead agent there are removed.
        name: what this machine is called.
        slots: how many nodes it offers.
        is_temporary: whether `folder` goes with the host.
        interfaces: tells where it may be dialled now.
        environments: where those are kept; by default in `folder`.

    Attributes:
        updating: by what it is updated; None where it is not.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        slots: int,
        *,
        is_temporary: bool = False,
        interfaces: Callable[[], tuple[Interface, ...]] = tuple,
        environments: Path | None = None,
    ) -> None:
        self.name = name
        self.slots = slots
        self.interfaces = interfaces
        self._process = secrets.randbits(63)
        self.guardian = Guardian(is_agents=not is_temporary)
        self._folder = folder if is_temporary else None
        if is_temporary:
            self.guardian.watch_folder(str(folder))
        self._sandboxes = folder / "sandboxes"
        self.swept = sweep(self._sandboxes)
        self._store = Store(folder / "store", limits.STORE_BYTES_MAX)
        self.starter = Starter(self.guardian)
        self._runs: dict[bytes, PeerRun] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._conversations: set[Conversation] = set()
        self.updating: Updating | None = None
        self._environments = Environments(environments or folder / ENVIRONMENTS)
        self._environments.sweep()

    def hand_over(self, preamble: Preamble, connection: socket.socket) -> bool:
        """Gives a connection that came in for a node to that node; False: there is none such."""
        run = self._runs.get(preamble.run_id)
        return run is not None and run.hand_over(preamble.source, preamble.dest, connection)

    def pass_for(self, preamble: Preamble) -> Pass | None:
        """By what to speak with the agent of another peer of a run; None: there is no such run."""
        run = self._runs.get(preamble.run_id)
        return None if run is None else run.files.exchange.own_pass

    async def give_to(self, preamble: Preamble, channel: Channel) -> None:
        """Gives that agent the run's files, until it has gone."""
        try:
            run = self._runs.get(preamble.run_id)
            if run is not None:
                await run.files.give_to(channel)
        finally:
            await channel.close()

    async def runs(self, run_id: bytes) -> tuple[looks.RunStatus, ...]:
        """How this run fares, if it is here; no id: all of them, up to a bound."""
        told: list[looks.RunStatus] = []
        for run in [run for own, run in self._runs.items() if run_id in (b"", own)]:
            status = await run.status()
            if sum(len(each.nodes) for each in (*told, status)) <= limits.NODES_TOLD_MAX:
                told.append(status)
        return tuple(told)

    async def stacks(self, run_id: bytes, nodes: tuple[int, ...]) -> tuple[looks.NodeStacks, ...]:
        """Where these nodes of a run are, if they are here; none named: all of them."""
        run = self._runs.get(run_id)
        return () if run is None else await run.take_stacks(nodes)

    def serve_here(self, channel: Channel) -> None:
        """Serves the launcher that holds this host, in the background."""
        self.spawn(self.serve(channel, m.OPERATOR))

    async def serve(self, channel: Channel, role: str) -> str | None:
        """One launcher's session, until it ends; why it was refused, if it was."""
        conversation = Conversation(self, channel, role)
        self._conversations.add(conversation)
        try:
            return await conversation.serve()
        finally:
            self._conversations.discard(conversation)
            if self.updating is not None:
                await self.updating.leave(channel)

    def is_busy(self, own: Conversation) -> bool:
        """Whether others than `own` have begun something here."""
        return any(each is not own and each.has_begun for each in self._conversations)

    def welcome(self) -> m.Welcome:
        """What a launcher is told of this machine."""
        return m.Welcome(
            m.PROTOCOL,
            distrcomp.__version__,
            python_version(),
            self.name,
            self.slots,
            self._process,
            self.interfaces(),
        )

    def provision(self, tell: Callable[[Any], Awaitable[None]]) -> Provision:
        """By what a run gets its environment; `tell` sends a message to its launcher."""
        return Provision(self._environments, self._store, self.guardian, tell)

    def begin(self, run_id: bytes, tell: Callable[[Any], Awaitable[None]]) -> PeerRun:
        """A new run; raises PeerRefused if it is none."""
        if len(run_id) != limits.RUN_ID_BYTES or run_id in self._runs:
            raise PeerRefused("this is not the id of a new run")
        run = PeerRun(run_id, self._store, self._sandboxes, self.guardian, self.starter, tell)
        self._runs[run_id] = run
        return run

    async def end(self, run: PeerRun, why: str = "") -> m.RunClosed:
        """Ends a run, and says why in the log; of one that has ended, nothing more."""
        was_on = self._runs.pop(run.run_id, None) is not None
        closed = await asyncio.shield(asyncio.ensure_future(run.close()))
        if was_on:
            log.info("%s", end_line(run.run_id, why))
        return closed

    def spawn(self, act: Coroutine[Any, Any, Any]) -> None:
        """Has something done in the background; `close` waits for it."""
        task = asyncio.ensure_future(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends what is left; for an agent that stops."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limits.CLOSE_TIMEOUT_S)
        for run in list(self._runs.values()):
            await self.end(run)
        self.starter.close()
        self._store.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self.guardian.release()
