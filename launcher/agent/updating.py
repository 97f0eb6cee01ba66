"""An agent's part in its own update: lays a release, lets it answer in its place, becomes it.

Nothing of a run is lost by it: an update is refused while a run or a shipment goes on here, and as
long as one is on, no run begins. Who dials during the trial reaches the release that is tried,
which begins no run either. The trial ends when the operator says that the release has answered
(TakeRelease), when he is gone, or when its time is over; in the latter cases this agent goes on as
if nothing had been. Only the release itself, once it is the agent and its operator has found it
well, writes down that it is to be started from now on (KeepRelease).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

import distrcomp

from ..control import environments as e
from ..control import messages as m
from ..control import updates as u
from ..control.channel import Channel
from ..environment.release import own_release
from ..errors import ChannelClosed, LauncherError, PeerRefused
from .conversation import BEING_UPDATED
from .guardian import Guardian
from .peer_run import PeerRun
from .releases import Laid, Releases
from .server import Server
from .succession import Inheritance
from .trial import Trial

_BEGINS_RUN = (e.WantEnvironment, m.OpenRun)
# KeepRelease removes all other releases, and one of these may be on trial.
_NOT_MEANWHILE = (*_BEGINS_RUN, u.TryRelease, u.KeepRelease)

log = logging.getLogger("distrcomp.agent")


class Updating:
    """The updates of one agent.

    Args:
        releases, server, guardian: of the agent.
        options: with which the agent was started, as the command line has them.
        inheritance: what it has from the one before it, if it was started by an update.
        stop: has the agent stop, in order; who has called for it looks at `successor` then.

    Attributes:
        successor: the release that takes over.
        listeners: for it.
        base: the hash of the installation from which agents start here.
    """

    def __init__(
        self,
        releases: Releases,
        server: Server,
        guardian: Guardian,
        options: Sequence[str],
        inheritance: Inheritance | None,
        stop: Callable[[], object],
    ) -> None:
        self.successor: Laid | None = None
        self.listeners: list[socket.socket] = []
        self._own_sha256 = own_release().sha256  # now: the files may be exchanged while it runs
        self._releases = releases
        self._server = server
        self._guardian = guardian
        self._options = options
        if inheritance is None:  # whoever was before is no more
            releases.sweep()
        self._is_on_trial = inheritance is not None and inheritance.is_trial
        self._stop = stop
        self._operator: Channel | None = None
        self._trying: asyncio.Task[None] | None = None
        self._trial: Trial | None = None
        self._has_begun = False
        self.base = self._find_base(inheritance)

    def _find_base(self, inheritance: Inheritance | None) -> str:
        if inheritance is not None:
            return inheritance.base
        if not self._releases.running:
            return self._own_sha256.hex()
        kept = self._releases.kept()
        return kept.base if kept else ""

    def admit(self, message: Any, *, is_busy: bool) -> None:
        """Refuses what an update forbids, and an update that others forbid; raises PeerRefused."""
        if isinstance(message, u.TryRelease) and is_busy:
            raise PeerRefused("a run or a shipment goes on there: update when it has ended")
        if isinstance(message, _BEGINS_RUN) and self._is_on_trial:
            raise PeerRefused(BEING_UPDATED)
        if isinstance(message, _NOT_MEANWHILE) and self._operator is not None:
            raise PeerRefused(BEING_UPDATED)

    async def act(self, message: Any, channel: Channel, run: PeerRun | None) -> None:
        """Carries out what an operator asks."""
        match message:
            case u.AskRelease():
                await channel.send(u.ReleaseIs(self._own_sha256))
            case u.TryRelease(version) if run is not None:
                manifest = run.files.stocked()  # or it is refused, and nobody updates this agent
                self._operator = channel
                lay = functools.partial(self._releases.lay, version, manifest, run.files.store)
                self._trying = asyncio.ensure_future(self._try(lay, channel))
            case u.TakeRelease():
                await self._take(channel)
            case u.KeepRelease(sha256):
                await self._keep(sha256)
                await channel.send(u.ReleaseKept())

    async def _try(self, lay: Callable[[], Laid], channel: Channel) -> None:
        """Has the release listen in this agent's place, and tells the operator, who may go away."""
        try:
            release = await self._laid(lay)
            ours = distrcomp.__version__
            log.info("distrcomp %s is tried in the place of %s", release.version, ours)
            self._trial = trial = Trial(release, self._guardian)
            await trial.begin(self._server.listeners, self._options, self.base)
            await self._server.pause()  # until it serves, this agent does
            self._has_begun = True
            await channel.send(u.TrialBegun())
            await trial.outlive()
        except (LauncherError, OSError) as error:
            await self._give_up(str(error), channel)
        except Exception as error:  # no update may end the agent, nor keep its operator waiting
            log.exception("an update ended by a fault of the agent's own")
            await self._give_up(f"a fault of its own, please report it: {error!r}", channel)

    async def _laid(self, lay: Callable[[], Laid]) -> Laid:
        """A release; where this is cancelled none stays."""
        laying = asyncio.ensure_future(asyncio.to_thread(lay))
        try:
            return await asyncio.shield(laying)
        except asyncio.CancelledError:
            await asyncio.wait([laying])  # a thread cannot be stopped
            if laying.exception() is None:
                await asyncio.to_thread(self._releases.drop, laying.result())
            raise

    async def _give_up(self, why: str, channel: Channel) -> None:
        await self._go_on(why)
        with contextlib.suppress(ChannelClosed):
            await channel.send(m.Refused(why))

    async def _take(self, channel: Channel) -> None:
        """The release has answered: this agent makes room for it."""
        trial = self._trial
        if trial is None or not (self._has_begun and trial.lives):
            raise PeerRefused("no release is on trial now")
        await self._stop_trying()
        await trial.end()
        await channel.send(u.ReleaseTaken())
        self.listeners = [each.dup() for each in self._server.listeners]
        self.successor = trial.release
        self._stop()

    async def _keep(self, sha256: bytes) -> None:
        running = self._releases.running
        if self._is_on_trial or sha256 != self._own_sha256:
            raise PeerRefused("it does not run this release")
        if running != sha256.hex():  # it is the installed one, which starts anyway
            return
        release = Laid(distrcomp.__version__, self._releases.folder / running)
        await asyncio.to_thread(self._releases.keep, release, self.base)
        log.info("distrcomp %s is started from now on", release.version)

    async def leave(self, channel: Channel) -> None:
        """This operator is gone; if the release has not taken over, the agent goes on."""
        if channel is self._operator:
            await self._stop_trying()
            await self._go_on("its operator is gone")

    async def _stop_trying(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    async def _go_on(self, why: str) -> None:
        """Ends the trial, unless the release takes over."""
        trial, self._trial, self._operator = self._trial, None, None
        self._has_begun = False
        if self.successor is None and trial is not None:
            log.warning("distrcomp %s goes on: the trial is over, %s", distrcomp.__version__, why)
            await trial.end()
            await asyncio.to_thread(self._releases.drop, trial.release)
            self._server.resume()
