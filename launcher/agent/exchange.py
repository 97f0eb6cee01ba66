"""What the peers of a run give each other of its files: one fetches, others are given to.

How two prove themselves to each other is in `passing`. What is fetched goes the way of what the
launcher sends (`arriving`): where one peer breaks off, another one or the launcher goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from distrcomp.errors import ProtocolError

from .. import limits
from ..control import messages as m
from ..control import passing as p
from ..control.channel import Channel
from ..errors import LauncherError, PeerRefused
from ..ship.manifest import FileEntry
from ..ship.store import Store
from .arriving import Arriving

if TYPE_CHECKING:
    from .passing import Pass


class Exchange:
    """One peer's part in it.

    Args:
        run_id: the run.
        arriving: what this peer lacks.
        tell: sends a message to the run's launcher.
        go_on: awaited when all has been fetched.

    Attributes:
        own_pass: by what it proves itself to the run's other peers; None: there is no need to.
        is_fetching: whether what it lacks comes from another peer now.
    """

    def __init__(
        self,
        run_id: bytes,
        arriving: Arriving,
        tell: Callable[[Any], Awaitable[None]],
        go_on: Callable[[], Awaitable[None]],
    ) -> None:
        self.own_pass: Pass | None = None
        self.is_fetching = False
        self._run_id = run_id
        self._arriving = arriving
        self._tell = tell
        self._go_on = go_on
        self._fetching: asyncio.Task[None] | None = None
        self._giving: set[asyncio.Task[Any]] = set()
        self._untold_bytes = 0

    def take_pass(self, order: p.TakePass) -> None:
        """From now on this peer can prove itself to the run's others."""
        from .passing import Pass  # loads much that a run of one machine needs not

        if self.own_pass is not None:  # others may have been let in by it
            raise PeerRefused("this peer has its pass already")
        self.own_pass = Pass(self._run_id, order)

    def fetch(self, order: p.FetchFrom) -> None:
        """Gets what is missing from another peer, in the background."""
        if self._fetching is not None or self._arriving.is_within_one or self.own_pass is None:
            raise PeerRefused("nothing can be fetched now")
        self.is_fetching = True
        self._fetching = asyncio.ensure_future(self._fetch(order, self.own_pass))

    async def _fetch(self, order: p.FetchFrom, own_pass: Pass) -> None:
        arriving = self._arriving
        try:
            async with own_pass.dialled(order) as channel:
                await self._fetch_all(channel, list(arriving.awaited))
            self.is_fetching = False
            await self._go_on()
        except (LauncherError, ProtocolError, OSError, ValueError) as error:
            if not self.is_fetching:  # all is here, and cannot be laid
                await self._tell(m.Refused(str(error)))
                return
            self.is_fetching = False
            why = str(error) or type(error).__name__
            await self._tell(p.NotFetched(why, tuple(arriving.awaited), arriving.offsets()))

    async def _fetch_all(self, channel: Channel, wanted: list[bytes]) -> None:
        """Asks some way ahead, or each small file would take a round trip."""
        n_asked = 0
        for at, sha256 in enumerate(wanted):
            for ahead in wanted[n_asked : at + limits.WANTED_AHEAD]:
                await channel.send(p.WantBlob(ahead, self._arriving.offset(ahead)))
                n_asked += 1
            await self._fetch_one(channel, sha256)

    async def _fetch_one(self, channel: Channel, sha256: bytes) -> None:
        writer = self._arriving.begin(sha256)
        is_whole = False
        try:
            while not is_whole:
                async with asyncio.timeout(limits.FETCH_STALL_TIMEOUT_S):
                    part = await channel.receive()
                if not isinstance(part, m.BlobPart) or part.sha256 != sha256:
                    why = part.why if isinstance(part, m.Refused) else "it sent another"
                    raise PeerRefused(why)
                if not part.data and not part.last:
                    raise PeerRefused("it sent nothing")
                writer.write(part.data)
                is_whole = part.last
                await self._tell_of(len(part.data), is_whole)
        except BaseException:
            if not writer.has_ended:
                self._arriving.put_back(writer)
            raise
        self._arriving.finish(writer)

    async def _tell_of(self, n_bytes: int, is_whole: bool) -> None:
        self._untold_bytes += n_bytes
        if self._untold_bytes >= limits.FETCH_TOLD_BYTES or (is_whole and self._untold_bytes):
            n_bytes, self._untold_bytes = self._untold_bytes, 0
            await self._tell(p.FetchedSoFar(n_bytes))

    async def give_to(
        self, channel: Channel, store: Store, find: Callable[[bytes], FileEntry | None]
    ) -> None:
        """Gives another peer, which has proven itself, what it asks for; until it has gone.

        Args:
            channel: to that peer.
            store: where the contents lie.
            find: the file of the run with this content, if it is here.
        """
        from .passing import give

        task = asyncio.current_task()
        if task is None or len(self._giving) >= limits.GIVEN_AT_ONCE_MAX:
            return
        self._giving.add(task)
        try:
            await give(channel, store, find)
        finally:
            self._giving.discard(task)

    def stop_giving(self) -> None:
        """All peers have the files, or will not get them."""
        for task in self._giving:
            task.cancel()

    async def stop_fetching(self) -> None:
        """What has come so far stays."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
