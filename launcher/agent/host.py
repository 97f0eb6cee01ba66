"""A machine that takes part in runs: the same whether it listens or lives inside the launcher."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distrcomp
from distrcomp.errors import ProtocolError
from distrcomp.preamble import Preamble

from .. import limits
from ..control import environments as e
from ..control import files, looks, passing, updates
from ..control import messages as m
from ..control.channel import Channel, MemoryChannel
from ..control.interfaces import Interface
from ..environment.cache import Environments
from ..errors import ChannelClosed, LauncherError, PeerRefused
from ..ship.store import Store
from .guardian import Guardian
from .log_lines import end_line, start_line
from .peer_run import PeerRun
from .provision import Provision
from .sandbox import sweep
from .session import Session, State
from .starter import Starter

if TYPE_CHECKING:
    from .passing import Pass
    from .updating import Updating

ENVIRONMENTS = "environments"
_UPDATED = "it is being updated: try again in a moment"

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
        self._sessions: set[asyncio.Task[Any]] = set()
        self._conversations: set[Session] = set()
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
        self._spawn(self.serve(channel, m.OPERATOR))

    async def serve(self, channel: Channel, role: str) -> str | None:
        """One launcher's session, until it ends; why it was refused, if it was."""
        session = Session(role)
        self._conversations.add(session)
        runs: list[PeerRun] = []
        why = ""
        teller = _Teller(channel)
        provision = Provision(self._environments, self._store, self.guardian, teller)
        try:
            message = await _first_message(channel)
            while True:
                session.admit(message)
                if self.updating is not None:
                    self.updating.admit(message, is_busy=self._is_busy(session))
                await self._act(message, channel, runs, provision)
                message = await channel.receive()
        except ChannelClosed as error:
            why = f"its launcher is gone: {error}"
            return None
        except asyncio.CancelledError:
            why = "this agent was stopped"
            is_updated = self.updating is not None and self.updating.successor is not None
            await _farewell(channel, _UPDATED if is_updated else "it was stopped on its machine")
            raise
        except (LauncherError, ProtocolError) as error:
            why = str(error)
            await _farewell(channel, str(error), is_sent_to=session.state is State.SHIPPING)
            return str(error) if session.state is State.NEW else None
        except Exception as error:  # no run may end the agent
            why = "a fault of the agent's own"
            log.exception("a session ended by a fault of the agent's own")
            await _farewell(channel, f"a fault of its own, please report it: {error!r}")
            return None
        finally:
            try:
                await channel.close()
                for run in runs:
                    await self._end(run, why)
                await provision.close()
            finally:
                self._conversations.discard(session)
                if self.updating is not None:
                    await self.updating.leave(channel)

    def _is_busy(self, own: Session) -> bool:
        """Whether others than `own` have begun something here."""
        idle = (State.NEW, State.GREETED)
        return any(each is not own and each.state not in idle for each in self._conversations)

    async def close(self) -> None:
        """Ends what is left; for an agent that stops."""
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=limits.CLOSE_TIMEOUT_S)
        for run in list(self._runs.values()):
            await self._end(run)
        self.starter.close()
        self._store.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self.guardian.release()

    async def _act(
        self, message: Any, channel: Channel, runs: list[PeerRun], provision: Provision
    ) -> None:
        """Carries out a message that the session has admitted."""
        match message:
            case m.Hello():
                await channel.send(
                    m.Welcome(
                        m.PROTOCOL,
                        distrcomp.__version__,
                        python_version(),
                        self.name,
                        self.slots,
                        self._process,
                        self.interfaces(),
                    )
                )
            case m.Ping(number):
                await channel.send(m.Pong(number, asyncio.get_running_loop().time()))
            case looks.AskRuns(run_id):  # nodes may take a while to answer: no reason to wait
                self._spawn(self._tell_runs(run_id, channel))
            case looks.TakeStacks(run_id, nodes):  # a signal that comes next comes after it
                await channel.send(looks.StacksTaken(run_id, await self.stacks(run_id, nodes)))
            case e.AskInstalled(modules):
                versions = await asyncio.to_thread(_installed, modules)
                await channel.send(e.Installed(tuple(versions)))
            case e.WantEnvironment():
                provision.want(message)
            case e.OfferWheels():
                provision.offer(message)
            case e.WheelPart():
                provision.take(message)
            case m.OpenRun(run_id):
                runs.append(self._begin(run_id, channel))
                runs[0].python = provision.python
                await runs[0].files.open(message)
            case (
                updates.AskRelease()
                | updates.TryRelease()
                | updates.TakeRelease()
                | updates.KeepRelease()
            ):
                if self.updating is None:
                    raise PeerRefused("it is no agent that could be updated")
                await self.updating.act(message, channel, runs[0] if runs else None)
            case m.CloseRun():
                closed = await self._end(runs[0])
                await channel.send(closed)
            case _:
                await self._act_on_run(message, runs[0])

    async def _act_on_run(self, message: Any, run: PeerRun) -> None:
        match message:
            case m.BlobPart():
                await run.files.take_blob(message)
            case passing.TakePass():
                run.files.exchange.take_pass(message)
            case passing.FetchFrom():
                run.files.exchange.fetch(message)
            case m.StartNodes():
                log.info("%s", start_line(run.run_id, message))
                await run.start(message)
            case m.OpenLink(source, dest):
                run.links.open(source, dest)
            case m.RefuseLink(source, dest, why):
                run.links.refuse(source, dest, why)
            case m.Go():
                run.go()
            case m.Input(data):
                run.take_input(data)
            case m.EndOfNode(node, why):
                run.end_of_node(node, why)
            case m.AbortRun(node, why):
                run.abort(node, why)
            case m.AskNodes(number, nodes):
                run.ask(number, nodes)
            case files.CollectFiles(patterns):
                run.collect(patterns)
            case m.SignalNodes(number):
                run.signal(number)

    async def _tell_runs(self, run_id: bytes, channel: Channel) -> None:
        with contextlib.suppress(ChannelClosed):
            await channel.send(looks.Runs(await self.runs(run_id)))

    def _spawn(self, act: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(act)
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    def _begin(self, run_id: bytes, channel: Channel) -> PeerRun:
        if len(run_id) != limits.RUN_ID_BYTES or run_id in self._runs:
            raise PeerRefused("this is not the id of a new run")
        tell = _Teller(channel)
        run = PeerRun(run_id, self._store, self._sandboxes, self.guardian, self.starter, tell)
        self._runs[run_id] = run
        return run

    async def _end(self, run: PeerRun, why: str = "") -> m.RunClosed:
        was_on = self._runs.pop(run.run_id, None) is not None
        closed = await asyncio.shield(asyncio.ensure_future(run.close()))
        if was_on:
            log.info("%s", end_line(run.run_id, why))
        return closed


def _installed(modules: tuple[str, ...]) -> list[str]:
    from ..environment.installed import installed_versions  # slow to load, and rarely asked for

    return installed_versions(modules[: limits.COMPARED_MODULES_MAX])


async def _farewell(channel: Channel, why: str, *, is_sent_to: bool = False) -> None:
    """Says why the session ends, to a launcher that listens; no other is waited for.

    To hang up on one that is sending would take our word along, before it is read.
    """
    with contextlib.suppress(ChannelClosed, TimeoutError, ProtocolError):
        async with asyncio.timeout(limits.CHANNEL_CLOSE_TIMEOUT_S):
            await channel.send(m.Refused(why))
            while is_sent_to and not isinstance(channel, MemoryChannel):
                await channel.receive()


async def _first_message(channel: Channel) -> Any:
    """Who says nothing is not served for ever, though its heart may beat."""
    try:
        async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
            return await channel.receive()
    except TimeoutError as error:
        raise PeerRefused(f"no hello came within {limits.HANDSHAKE_TIMEOUT_S:g} s") from error


class _Teller:
    """Sends to a launcher until it is gone, and then says nothing."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._gone = False

    async def __call__(self, message: Any) -> None:
        if not self._gone:
            try:
                await self._channel.send(message)
            except ChannelClosed:
                self._gone = True
