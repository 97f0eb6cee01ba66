"""An agent as a process: its host, its server, its window, and what is announced of it.

Whoever runs it calls `start`, `serve` and `close`, in this order, then `give_way` when its loop has
ended, and says what there is to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Sequence

from distrcomp.cores import usable_cores

from .. import limits
from ..cluster import multicast
from ..cluster.announcement import Announcement, fingerprint_of
from ..cluster.credentials import Credentials
from ..cluster.home import Home
from ..cluster.names import join_host_port
from ..cluster.peers_file import AGENT_PORT
from ..errors import LauncherError
from ..records import record
from .host import Host
from .interfaces import own_interfaces
from .releases import Laid, Releases
from .server import Server, listen
from .succession import Inheritance, become
from .updating import Updating
from .window import Window


@record
class Options:
    """What an agent was started with.

    Attributes:
        address: where to listen: a host, or nothing for all interfaces, and a port.
        slots: nodes to offer; None: as many as there are cores.
        is_announced: whether its network hears of it.
        words: the same as the command line has it.
    """

    address: tuple[str, int]
    slots: int | None
    is_announced: bool
    words: Sequence[str]


class Daemon:
    """One agent, to be made in the loop that it runs in.

    Args:
        credentials: who it is.
        home: of its user.
        options: what it was started with.
        inheritance: what it has from the agent before it, if it was started by an update.

    Attributes:
        host: what runs programs here.
        blind: why commands on this machine can't look at it; empty: they can.

    Raises:
        CannotStart: it can't listen there.
    """

    def __init__(
        self,
        credentials: Credentials,
        home: Home,
        options: Options,
        inheritance: Inheritance | None,
    ) -> None:
        self._credentials = credentials
        self._home = home
        self._options = options
        self._inheritance = inheritance
        self._listeners = inheritance.sockets() if inheritance else listen(*options.address)
        self._places = [listener.getsockname()[:2] for listener in self._listeners]
        self.host = Host(
            home.make_cache() / "agent",
            credentials.identity.name,
            options.slots or usable_cores(),
            interfaces=lambda: own_interfaces(self._places),
        )
        self.blind = ""
        self._window: Window | None = None
        self._announcing: asyncio.Task[None] | None = None

    @property
    def where(self) -> str:
        """The addresses at which it listens."""
        return ", ".join(join_host_port(*place) for place in self._places)

    @property
    def successor(self) -> Laid | None:
        """The release that is to take over, once it has been tried."""
        return self._updating.successor

    async def start(self) -> None:
        """Begins to serve."""
        host, inheritance = self.host, self._inheritance
        await host.starter.make_ready()
        self._open_window()
        server = Server(host, self._credentials)
        self._serving = asyncio.ensure_future(server.serve(self._listeners))
        host.updating = self._updating = Updating(
            Releases(self._home),
            server,
            host.guardian,
            self._options.words,
            inheritance,
            self.stop,
        )

    async def serve(self) -> None:
        """Serves until `stop` is called, or another release is to take over."""
        inheritance = self._inheritance
        gc.freeze()  # what is there now stays: looking for garbage is quick then (server.Server)
        if inheritance is not None:
            inheritance.tell_ready()
        if self._options.is_announced and (inheritance is None or not inheritance.is_trial):
            announcing = multicast.announce(self._announcement, limits.ANNOUNCED_LOOK_S)
            self._announcing = asyncio.ensure_future(announcing)
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving

    def stop(self) -> None:
        """Has `serve` end."""
        self._serving.cancel()

    async def close(self) -> None:
        """Ends what is left, in order."""
        if self._announcing is not None:
            self._announcing.cancel()
            await asyncio.gather(self._announcing, return_exceptions=True)
        if self._window is not None:
            await self._window.close()
        await self.host.close()

    def give_way(self) -> None:
        """This process is the release that takes over from now on, if there is one."""
        if self.successor is not None:
            updating = self._updating
            become(self.successor, self._options.words, updating.listeners, updating.base)

    def _open_window(self) -> None:
        """Lets commands on this machine look at what runs here."""
        try:
            self._window = Window(self._home, self.host.guardian)
        except (LauncherError, OSError) as error:
            self.blind = str(error)
        else:
            self._window.open(self.host)

    def _announcement(self) -> Announcement:
        told = self.host.interfaces()
        addresses = tuple(each.address for each in told)
        port = told[0].port if told else AGENT_PORT
        fingerprint = fingerprint_of(self._credentials.ca_pem)
        return Announcement(self.host.name, fingerprint, addresses, port)
