"""Getting a run's files from another peer of the run, and giving them to one; no operator needed.

Agents neither know nor trust each other. For this alone the launcher makes an authority that lives
and dies with the run, and sends each peer, over its own channel, a certificate that names run and
peer. A connection enters by the agent's port with a preamble to the agent itself; then both ends
show their certificates, TLS 1.3. Whoever has one may ask for contents of this run's manifest and
nothing else: all peers of a run get the same files anyway. What comes is believed by its hash.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable

from distrcomp.errors import ProtocolError
from distrcomp.preamble import AGENT_ITSELF, Preamble, pack_preamble
from distrcomp.schema import Schema

from .. import limits
from ..cluster.credentials import peer_identity
from ..control import messages as m
from ..control import passing as p
from ..control.channel import Channel, StreamChannel
from ..errors import BadManifest, ChannelClosed, PeerRefused
from ..ship.manifest import FileEntry
from ..ship.store import Store

PASSING = Schema(p.WantBlob, m.BlobPart, m.Refused)
PASSING_ALPN = "distrcomp-pass/1"


class Pass:
    """What this peer proves itself with.

    Args:
        run_id: the run.
        order: what the launcher has sent.

    Raises:
        PeerRefused: it is no certificate.
    """

    def __init__(self, run_id: bytes, order: p.TakePass) -> None:
        self._run_id = run_id
        self._peer = order.peer
        try:
            self._server = _context(ssl.PROTOCOL_TLS_SERVER, order)
            self._client = _context(ssl.PROTOCOL_TLS_CLIENT, order)
        except (OSError, ValueError, TypeError) as error:  # ssl's, for letters that are not ASCII
            raise PeerRefused("a pass came that is no certificate") from error
        self._server.verify_mode = ssl.CERT_REQUIRED
        self._server.num_tickets = 0

    @property
    def server_context(self) -> ssl.SSLContext:
        """For who is asked."""
        return self._server

    def require_peer(self, connection: object, peer: int) -> None:
        """Raises ProtocolError unless that peer of the run is at the other end."""
        if peer_identity(connection, PASSING_ALPN).name != _host_of(self._run_id, peer):
            raise ProtocolError("it is not the peer that it said it was")

    @contextlib.asynccontextmanager
    async def dialled(self, order: p.FetchFrom) -> AsyncIterator[Channel]:
        """A channel to the agent of another peer.

        Raises:
            OSError: it can't be reached, or doesn't prove to be that peer.
        """
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
            reader, writer = await self._dial(order)
        channel = StreamChannel(reader, writer, PASSING)
        channel.trust()
        try:
            yield channel
        finally:
            await channel.close()

    async def _dial(self, order: p.FetchFrom) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        failure = OSError("it has no address")
        for family, kind, number, _, address in await loop.getaddrinfo(
            order.host, order.port, type=socket.SOCK_STREAM
        ):
            raw = socket.socket(family, kind, number)
            raw.setblocking(False)
            try:
                await loop.sock_connect(raw, address)
                preamble = Preamble(self._run_id, self._peer, AGENT_ITSELF)
                await loop.sock_sendall(raw, pack_preamble(preamble))
                return await asyncio.open_connection(
                    sock=raw,
                    ssl=self._client,
                    server_hostname=_host_of(self._run_id, order.peer),
                )
            except OSError as error:
                raw.close()
                failure = error
            except BaseException:
                raw.close()
                raise
        raise failure


async def give(channel: Channel, store: Store, find: Callable[[bytes], FileEntry | None]) -> None:
    """Answers another peer until it has gone.

    Args:
        channel: to that peer, which has proven itself.
        store: where the contents lie.
        find: the file of the run with this content, if it is here.
    """
    with contextlib.suppress(ChannelClosed):
        try:
            while True:
                await _give_one(channel, store, await channel.receive(), find)
        except (OSError, BadManifest, PeerRefused, ProtocolError) as error:
            await channel.send(m.Refused(str(error)))


async def _give_one(
    channel: Channel, store: Store, want: object, find: Callable[[bytes], FileEntry | None]
) -> None:
    entry = find(want.sha256) if isinstance(want, p.WantBlob) else None
    if not isinstance(want, p.WantBlob) or entry is None or not 0 <= want.offset <= entry.size:
        raise PeerRefused("it asked for what is not here")
    with store.open(want.sha256) as blob:
        blob.seek(want.offset)
        while data := await asyncio.to_thread(blob.read, limits.SHIP_CHUNK_BYTES):
            await channel.send(m.BlobPart(want.sha256, data, last=False))
    await channel.send(m.BlobPart(want.sha256, b"", last=True))


def _host_of(run_id: bytes, peer: int) -> str:
    from ..cluster.run_credentials import peer_host  # every run loads this module, few need that

    return peer_host(run_id, peer)


def _context(protocol: int, order: p.TakePass) -> ssl.SSLContext:
    from distrcomp.links.handshake import private_file

    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([PASSING_ALPN])
    context.load_verify_locations(cadata=order.authority)
    with private_file(order.certificate.encode()) as path:
        context.load_cert_chain(path, password="")  # never ask at the terminal
    return context
