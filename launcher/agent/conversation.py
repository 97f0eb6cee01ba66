"""One launcher's session with a host: what comes is let through by the session, and carried out.

It owns what the session has begun, the run that there is at most and its environment, and ends both
when the launcher has gone, whatever the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..control import environments as e
from ..control import files, looks, passing, updates
from ..control import messages as m
from ..control.channel import Channel, MemoryChannel
from ..errors import ChannelClosed, LauncherError, PeerRefused
from .log_lines import start_line
from .peer_run import PeerRun
from .session import Session, State

if TYPE_CHECKING:
    from .host import Host

BEING_UPDATED = "it is being updated: try again in a moment"

log = logging.getLogger("distrcomp.agent")


class Conversation:
    """A launcher that has come to a host.

    Args:
        host: where.
        channel: to the launcher.
        role: what the launcher's certificate says it is.
    """

    def __init__(self, host: Host, channel: Channel, role: str) -> None:
        self._host = host
        self._channel = channel
        self._session = Session(role)
        self._tell = _Teller(channel)
        self._provision = host.provision(self._tell)
        self._run: PeerRun | None = None

    @property
    def has_begun(self) -> bool:
        """Whether it is about more than a look."""
        return self._session.state not in (State.NEW, State.GREETED)

    async def serve(self) -> str | None:
        """Carries out what comes until it ends; why it was refused, if it was."""
        session, channel, why = self._session, self._channel, ""
        try:
            message = await _first_message(channel)
            while True:
                session.admit(message)
                if self._host.updating is not None:
                    self._host.updating.admit(message, is_busy=self._host.is_busy(self))
                await self._act(message)
                message = await channel.receive()
        except ChannelClosed as error:
            why = f"its launcher is gone: {error}"
            return None
        except asyncio.CancelledError:
            why = "this agent was stopped"
            await _farewell(channel, self._why_stopped())
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
            await channel.close()
            if self._run is not None:
                await self._host.end(self._run, why)
            await self._provision.close()

    def _why_stopped(self) -> str:
        updating = self._host.updating
        is_updated = updating is not None and updating.successor is not None
        return BEING_UPDATED if is_updated else "it was stopped on its machine"

    async def _act(self, message: Any) -> None:
        """Carries out a message that the session has admitted."""
        host, channel = self._host, self._channel
        match message:
            case m.Hello():
                await channel.send(host.welcome())
            case m.Ping(number):
                await channel.send(m.Pong(number, asyncio.get_running_loop().time()))
            case looks.AskRuns(run_id):  # nodes may take a while to answer: no reason to wait
                host.spawn(self._tell_runs(run_id))
            case looks.TakeStacks(run_id, nodes):  # a signal that comes next comes after it
                await channel.send(looks.StacksTaken(run_id, await host.stacks(run_id, nodes)))
            case e.AskInstalled(modules):
                versions = await asyncio.to_thread(_installed, modules)
                await channel.send(e.Installed(tuple(versions)))
            case e.WantEnvironment():
                self._provision.want(message)
            case e.OfferWheels():
                self._provision.offer(message)
            case e.WheelPart():
                self._provision.take(message)
            case m.OpenRun(run_id):
                self._run = run = host.begin(run_id, self._tell)
                run.python = self._provision.python
                await run.files.open(message)
            case (
                updates.AskRelease()
                | updates.TryRelease()
                | updates.TakeRelease()
                | updates.KeepRelease()
            ):
                if host.updating is None:
                    raise PeerRefused("it is no agent that could be updated")
                await host.updating.act(message, channel, self._run)
            case m.CloseRun():
                await channel.send(await host.end(self._open_run()))
            case _:
                await self._act_on_run(message, self._open_run())

    def _open_run(self) -> PeerRun:
        if self._run is None:
            raise RuntimeError("the session let through what needs a run")
        return self._run

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

    async def _tell_runs(self, run_id: bytes) -> None:
        with contextlib.suppress(ChannelClosed):
            await self._channel.send(looks.Runs(await self._host.runs(run_id)))


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
