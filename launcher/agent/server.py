"""The listening agent: one port for control and mesh, and a gate that strangers do not pass.

A connection begins with TLS, which leads to a launcher's session, or with the preamble of a node,
which leads to the node it names; which of the two is seen in its first byte, looked at without
taking it. Anything else is refused: closed, with one line in the log. A stranger has
HANDSHAKE_TIMEOUT_S in all; each is served by a task of its own, so none delays another; there are
bounds on how many there may be, in all and from one source, and a new one puts out an old one
(cluster.lobby).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import itertools
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from distrcomp.errors import ProtocolError
from distrcomp.preamble import AGENT_ITSELF, MAGIC, PREAMBLE_BYTES, Preamble, parse_preamble

from .. import limits
from ..cluster.credentials import Credentials, peer_identity
from ..cluster.lobby import Lobby
from ..cluster.ports import holder_of, listener_at
from ..cluster.streams import open_tls
from ..control import messages as m
from ..control.channel import StreamChannel
from ..errors import CannotStart, ChannelClosed, PeerRefused
from .host import Host
from .passing import PASSING
from .refusals import Refusals

_TLS_HANDSHAKE = 0x16  # the first byte of every TLS connection (RFC 8446, 5.1)
_NO_WEB = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nThis is the port of a distrcomp agent, not a web page.\n"
)

log = logging.getLogger("distrcomp.agent")


class Server:
    """Serves launchers and hands connections to nodes.

    Args:
        host: what runs programs here.
        credentials: who this agent is.
    """

    def __init__(self, host: Host, credentials: Credentials) -> None:
        self._host = host
        self._context = credentials.server_context()
        self._lobby = Lobby(limits.STRANGERS_MAX, limits.STRANGERS_PER_SOURCE_MAX)
        self._handshakes = Lobby(limits.HANDSHAKES_MAX, limits.HANDSHAKES_PER_SOURCE_MAX)
        self._numbers = itertools.count()
        self._strangers: dict[int, socket.socket] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.refusals = Refusals()
        self._swept_at = 0
        self.listeners: list[socket.socket] = []
        self._accepting: asyncio.Future[Any] | None = None
        self._may_accept = asyncio.Event()
        self._may_accept.set()

    async def serve(self, listeners: list[socket.socket]) -> None:
        """Accepts on these sockets until cancelled, and then ends every session."""
        self.listeners = listeners
        task = asyncio.current_task()
        try:
            while True:
                await self._may_accept.wait()
                accepting = asyncio.gather(*(self._accept(listener) for listener in listeners))
                self._accepting = accepting
                try:
                    await accepting
                except asyncio.CancelledError:
                    if self._may_accept.is_set() or (task is not None and task.cancelling()):
                        raise
        finally:
            for listener in listeners:
                listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def pause(self) -> None:
        """Leaves new connections where they are, for others or for later; returns when it does."""
        self._may_accept.clear()
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])

    def resume(self) -> None:
        """Accepts again."""
        self._may_accept.set()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0)  # a waiting connection is taken at once: let others run (S-15)
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    continue  # that one connection broke
                log.warning("no more connections can be taken for now: %s", error.strerror)
                await asyncio.sleep(limits.ACCEPT_PAUSE_S)
                continue
            connection.setblocking(False)
            number = next(self._numbers)
            self._strangers[number] = connection
            self._put_out(self._lobby.enter(number, str(address[0])))
            task = asyncio.ensure_future(self._greet(number, connection, str(address[0])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _put_out(self, number: int | None) -> None:
        """Ends the connection of a stranger that must give way: its task sees the stream's end."""
        if number is not None:
            with contextlib.suppress(OSError):
                self._strangers.pop(number).shutdown(socket.SHUT_RDWR)

    async def _greet(self, number: int, connection: socket.socket, source: str) -> None:
        """Serves one connection, counted as a stranger's, from its first byte."""
        try:
            async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
                serve = await self._identify(number, connection, source)
            self._know(number)
            if serve is not None:
                refused = await serve()
                if refused is not None:
                    self._refuse(source, refused)
        except TimeoutError:
            self._refuse(source, f"not a known peer within {limits.HANDSHAKE_TIMEOUT_S:g} s")
        except (OSError, ProtocolError, PeerRefused, ChannelClosed) as error:
            gave_way = number not in self._strangers
            self._refuse(source, "too many unknown connections" if gave_way else _reason(error))
        finally:
            self._know(number)
            connection.close()
            self._sweep_up()

    def _sweep_up(self) -> None:
        """Frees what failed handshakes held: 350 KiB each, in cycles, which Python rarely seeks."""
        if self.refusals.total - self._swept_at >= limits.HANDSHAKES_MAX // 2:
            self._swept_at = self.refusals.total
            gc.collect()

    def _know(self, number: int) -> None:
        """A connection is no stranger's any more, or has ended."""
        self._lobby.leave(number)
        self._handshakes.leave(number)
        self._strangers.pop(number, None)

    async def _identify(
        self, number: int, connection: socket.socket, source: str
    ) -> Callable[[], Awaitable[str | None]] | None:
        """What serves who is there, now that it is known; None: the connection went to a node."""
        first = await _peek(connection)
        if first == _TLS_HANDSHAKE:
            self._put_out(self._handshakes.enter(number, source))
            return await self._authenticate(connection, source)
        if first == MAGIC[0]:
            preamble = await self._preamble(connection)
            if preamble.dest == AGENT_ITSELF:
                self._put_out(self._handshakes.enter(number, source))
                return await self._know_peer(preamble, connection)
            self._hand_over(preamble, connection)
            return None
        if first in b"GHPDOC":  # the first letters of HTTP's methods
            with contextlib.suppress(OSError):
                connection.recv(limits.STRANGER_FRAME_BYTES_MAX)  # unread, it would undo the answer
                connection.send(_NO_WEB)
        raise PeerRefused("it speaks another protocol")

    async def _authenticate(
        self, connection: socket.socket, source: str
    ) -> Callable[[], Awaitable[str | None]]:
        reader, writer = await open_tls(connection, self._context, server_side=True)
        try:
            identity = peer_identity(writer.get_extra_info("ssl_object"))
        except ProtocolError:
            writer.transport.abort()
            raise
        channel = StreamChannel(reader, writer, m.CONTROL)
        channel.trust()
        name, role = identity.name, identity.role
        log.info("%s connected from %s", name if name == role else f"{name} ({role})", source)
        return lambda: self._host.serve(channel, identity.role)

    async def _know_peer(
        self, preamble: Preamble, connection: socket.socket
    ) -> Callable[[], Awaitable[str | None]]:
        """The agent of another peer of a run, which proves that by the run's certificates."""
        own_pass = self._host.pass_for(preamble)
        if own_pass is None:
            raise PeerRefused("it asks for files of a run that passes none on")
        context = own_pass.server_context
        reader, writer = await open_tls(connection, context, server_side=True)
        try:
            own_pass.require_peer(writer.get_extra_info("ssl_object"), preamble.source)
        except ProtocolError:
            writer.transport.abort()
            raise
        channel = StreamChannel(reader, writer, PASSING)
        channel.trust()

        async def give() -> None:
            await self._host.give_to(preamble, channel)

        return give

    async def _preamble(self, connection: socket.socket) -> Preamble:
        """Reads the preamble, and no byte more."""
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < PREAMBLE_BYTES:
            part = await loop.sock_recv(connection, PREAMBLE_BYTES - len(data))
            if not part:
                raise ProtocolError("it ended inside its preamble")
            data += part
            if not MAGIC.startswith(data[: len(MAGIC)]):
                raise ProtocolError("it speaks another protocol")
        return parse_preamble(data)

    def _hand_over(self, preamble: Preamble, connection: socket.socket) -> None:
        """Gives the socket to the node that the preamble names."""
        copy = connection.dup()  # ours is closed by whoever accepted it
        if not self._host.hand_over(preamble, copy):
            copy.close()
            raise PeerRefused("it asks for a node that does not run here, or takes no more")

    def _refuse(self, source: str, why: str) -> None:
        line = self.refusals.line(source, why, asyncio.get_running_loop().time())
        if line is not None:
            log.warning("%s", line)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `host`: all its addresses, or every interface where it is empty.

    Raises:
        CannotStart: the address is not ours, or the port is taken; names who holds it.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise CannotStart(f"--listen {host}: {error.strerror}") from error
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in found:
            listeners.append(listener_at(family, address, is_ipv6_alone=True))
    except OSError as error:
        for listener in listeners:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"port {port} is in use{holder_of(port)}: stop that, or choose another with "
                "--listen"
            ) from error
        if error.errno == errno.EAFNOSUPPORT and listeners:
            return listeners
        raise CannotStart(f"cannot listen on {host or '*'}:{port}: {error.strerror}") from error
    return listeners


async def _peek(connection: socket.socket) -> int:
    """The first byte of a connection, left where it is."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection.fileno())
    first = connection.recv(1, socket.MSG_PEEK)
    if not first:
        raise ProtocolError("it closed the connection at once")
    return first[0]


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"its TLS handshake failed ({error.reason or error})"
    return str(error) or f"it broke the connection off ({type(error).__name__})"
