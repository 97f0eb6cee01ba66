"""Sends a bundle's contents to peers, or has them get these from each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..control import messages as m
from ..control import passing as p
from ..errors import CannotStart, ChannelClosed
from ..ship.bundle import Bundle, read_blob
from .connect import Connection
from .events import PassOn, PeerLost, Ship, ShipProgress
from .table import View

if TYPE_CHECKING:
    from ..cluster.run_credentials import RunAuthority


class Shipper:
    """Carries out what a Distribution decides.

    Args:
        run_id: the run.
        bundle: what is shipped.
        connections: the agents that take part.
        view: where progress is shown.
        post: takes events.

    Attributes:
        sent_bytes: how much was sent by us.
        lacked: how many bytes each peer has lacked.
    """

    def __init__(
        self,
        run_id: bytes,
        bundle: Bundle,
        connections: Sequence[Connection],
        view: View,
        post: Callable[[Any], Awaitable[None]],
    ) -> None:
        self.sent_bytes = 0
        self._run_id = run_id
        self._bundle = bundle
        self._connections = connections
        self._view = view
        self._post = post
        self._sizes = bundle.sizes
        self.lacked: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._authority: RunAuthority | None = None
        self._passes: set[int] = set()
        self._tasks: dict[asyncio.Task[None], int] = {}

    def lacks(self, peer: int, missing: m.Missing) -> None:
        """Takes note of what a peer has said it lacks, for the bars."""
        self.lacked[peer] = sum(self._sizes.get(sha256, 0) for sha256 in missing.hashes)
        self._done[peer] = sum(missing.offsets)
        if missing.hashes:
            self._show(peer, 0)

    def fetched(self, peer: int, n_bytes: int) -> None:
        """Bytes have come to a peer from another one."""
        self._show(peer, n_bytes)

    def begin(self, order: Ship | PassOn) -> None:
        """Carries an order out, in the background."""
        if isinstance(order, Ship):
            taker, act = order.peer, self._send(order)
        else:
            taker, act = order.taker, self._pass_on(order)
        task = asyncio.ensure_future(act)
        self._tasks[task] = taker
        task.add_done_callback(self._tasks.pop)

    def stop(self, peer: int | None = None) -> None:
        """Sends nothing more, to one peer or to all: it would come too late."""
        for task, taker in self._tasks.items():
            if peer in (None, taker):
                task.cancel()

    async def _send(self, order: Ship) -> None:
        """Sends blobs to one peer."""
        peer, channel = order.peer, self._connections[order.peer].channel
        self._done[peer] = self.lacked.get(peer, 0) - sum(
            self._sizes.get(sha256, 0) for sha256 in order.hashes
        )
        try:
            for sha256, offset in zip(order.hashes, order.offsets, strict=True):
                size = self._sizes.get(sha256, -1)
                if not 0 <= offset <= size:
                    raise CannotStart("it asked for a file that is not of the bundle")
                self._show(peer, offset)
                for data in read_blob(self._bundle.sources[sha256], size, sha256, offset):
                    if data:
                        await channel.send(m.BlobPart(sha256, data, last=False))
                        self.sent_bytes += len(data)
                        self._show(peer, len(data))
                    await self._post(ShipProgress())
                    await asyncio.sleep(0)  # a connection that broke is seen by the loop alone
                await channel.send(m.BlobPart(sha256, b"", last=True))
        except ChannelClosed:
            return  # who listens to it tells
        except CannotStart as error:
            await self._post(PeerLost(peer, str(error)))

    async def _pass_on(self, order: PassOn) -> None:
        """Has one peer get what it lacks from another one."""
        giver = self._connections[order.giver].peer
        try:
            for peer in (order.giver, order.taker):
                if peer not in self._passes:
                    self._passes.add(peer)
                    await self._connections[peer].channel.send(self._pass_of(peer))
            fetch = p.FetchFrom(order.giver, giver.host, giver.port)
            await self._connections[order.taker].channel.send(fetch)
        except ChannelClosed:
            return  # who listens to it tells

    def _pass_of(self, peer: int) -> p.TakePass:
        if self._authority is None:
            from ..cluster.run_credentials import RunAuthority

            self._authority = RunAuthority(self._run_id)
        return p.TakePass(peer, self._authority.ca_pem, self._authority.peer(peer))

    def _show(self, peer: int, n_bytes: int) -> None:
        total = self.lacked.get(peer, 0)
        self._done[peer] = min(total, self._done.get(peer, 0) + n_bytes)
        self._view.shipping(self._done[peer], total, self._connections[peer].peer.label)
