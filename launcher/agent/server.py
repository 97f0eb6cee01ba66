"""The listening agent: one port for control and mesh, and a gate that strangers do not pass.

A connection begins with TLS, which leads to a launcher's session, or with the preamble of a node,
which leads to the node it names; which of the two is seen in its first byte, looked at without
taking it. Anything else is refused: closed, with one line in the log. A stranger has
HANDSHAKE_TIMEOUT_S in all; each is served by a task of its own, so none delays another; there are
bounds on how many there may be, in all and from one source.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import Counter
from typing import Any

from distrcomp.errors import ProtocolError
from distrcomp.preamble import MAGIC, PREAMBLE_BYTES, parse_preamble

from .. import limits
from ..cluster.credentials import Credentials, peer_identity
from ..control import messages as m
from ..control.channel import StreamChannel
from ..errors import CannotStart, ChannelClosed, PeerRefused
from .host import Host

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
        self._strangers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: Counter[str] = Counter()

    async def serve(self, listeners: list[socket.socket]) -> None:
        """Accepts on these sockets until cancelled, and then ends every session."""
        try:
            await asyncio.gather(*(self._accept(listener) for listener in listeners))
        finally:
            for listener in listeners:
                listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

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
            source = str(address[0])
            if (
                self._strangers.total() >= limits.STRANGERS_MAX
                or self._strangers[source] >= limits.STRANGERS_PER_SOURCE_MAX
            ):
                connection.close()
                self._refuse(source, "too many unknown connections")
                continue
            connection.setblocking(False)
            self._strangers[source] += 1
            task = asyncio.ensure_future(self._greet(connection, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, connection: socket.socket, source: str) -> None:
        """Serves one connection, counted as a stranger's, from its first byte."""
        known = False

        def know() -> None:
            nonlocal known
            if not known:
                known = True
                self._strangers[source] -= 1
                if not self._strangers[source]:
                    del self._strangers[source]

        try:
            async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
                channel_and_role = await self._identify(connection, source)
            know()
            if channel_and_role is not None:
                refused = await self._host.serve(*channel_and_role)
                if refused is not None:
                    self._refuse(source, refused)
        except TimeoutError:
            self._refuse(source, f"not a known peer within {limits.HANDSHAKE_TIMEOUT_S:g} s")
        except (OSError, ProtocolError, PeerRefused, ChannelClosed) as error:
            self._refuse(source, _reason(error))
        finally:
            know()
            connection.close()

    async def _identify(
        self, connection: socket.socket, source: str
    ) -> tuple[StreamChannel, str] | None:
        """An authenticated channel and its role; None when the connection went to a node."""
        first = await _peek(connection)
        if first == _TLS_HANDSHAKE:
            return await self._authenticate(connection, source)
        if first == MAGIC[0]:
            await self._hand_over(connection)
            return None
        if first in b"GHPDOC":  # the first letters of HTTP's methods
            with contextlib.suppress(OSError):
                connection.recv(limits.STRANGER_FRAME_BYTES_MAX)  # unread, it would undo the answer
                connection.send(_NO_WEB)
        raise PeerRefused("it speaks another protocol")

    async def _authenticate(
        self, connection: socket.socket, source: str
    ) -> tuple[StreamChannel, str]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=limits.STRANGER_FRAME_BYTES_MAX, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=self._context,
            ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            identity = peer_identity(writer.get_extra_info("ssl_object"))
        except ProtocolError:
            transport.abort()
            raise
        channel = StreamChannel(reader, writer, m.CONTROL)
        channel.trust()
        log.info("%s (%s) connected from %s", identity.name, identity.role, source)
        return channel, identity.role

    async def _hand_over(self, connection: socket.socket) -> None:
        """Reads the preamble, no byte more, and gives the socket to the node it names."""
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < PREAMBLE_BYTES:
            part = await loop.sock_recv(connection, PREAMBLE_BYTES - len(data))
            if not part:
                raise ProtocolError("it ended inside its preamble")
            data += part
            if not MAGIC.startswith(data[: len(MAGIC)]):
                raise ProtocolError("it speaks another protocol")
        preamble = parse_preamble(data)
        copy = connection.dup()  # ours is closed by whoever accepted it
        if not self._host.hand_over(preamble, copy):
            copy.close()
            raise PeerRefused("it asks for a node that does not run here")

    def _refuse(self, source: str, why: str) -> None:
        """One line in the log for each source and reason, and then one for every tenfold."""
        self._refused[source] += 1
        count = self._refused[source]
        if len(self._refused) > limits.REFUSED_SOURCES_MAX:
            self._refused.clear()
        if count < 3 or str(count).strip("0") == "1":
            log.warning("refused %s: %s (%d so far)", source, ascii(why)[1:-1], count)


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
        for family, kind, number, _, address in found:
            listeners.append(_listener(family, kind, number, address))
    except OSError as error:
        for listener in listeners:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"port {port} is in use{_holder(port)}: stop that, or choose another with --listen"
            ) from error
        if error.errno == errno.EAFNOSUPPORT and listeners:
            return listeners
        raise CannotStart(f"cannot listen on {host or '*'}:{port}: {error.strerror}") from error
    return listeners


def _listener(family: int, kind: int, number: int, address: Any) -> socket.socket:
    listener = socket.socket(family, kind, number)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(limits.LISTEN_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _holder(port: int) -> str:
    """Who listens on the port, as far as we may know."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                if connection.status != psutil.CONN_LISTEN:
                    continue
                name = psutil.Process(connection.pid).name()
                return f" by {ascii(name)[1:-1]} (pid {connection.pid})"
    return ""


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
