"""How an agent starts the nodes of Python programs: forked from a warm server, or cold.

A run is started cold if it asks for that (`--cold`, which arrives as DISTRCOMP_COLD), if its
program has an environment of its own, if it gives
its nodes variables that count only when an interpreter starts, and if there can be no fork server
here. So is a node that the server has not started, whatever the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import limits
from .child import Child, Ends, Start, start_cold
from .fork_client import CannotFork, ForkServer, settled_now
from .guardian import Guardian
from .spawning import read_at_start

log = logging.getLogger("distrcomp.agent")


class Starter:
    """An agent's fork server and what is known of it.

    Args:
        guardian: ends the server, should it be left behind.
    """

    def __init__(self, guardian: Guardian) -> None:
        self._guardian = guardian
        self._server: ForkServer | None = None
        self._turn = asyncio.Lock()
        self._is_kept = False

    def warm_up(self) -> None:
        """Has the server ready, if there can be one."""
        if self._server is not None and self._server.is_lost:
            self._forget()
        if self._server is None:
            with contextlib.suppress(OSError, NotImplementedError):
                self._server = ForkServer()
                self._guardian.watch_helper(self._server.pid)

    async def make_ready(self) -> None:
        """Has a server ready that has loaded all that a node may need; for who keeps it."""
        self._is_kept = True
        self.warm_up()
        await self._load()

    async def _load(self) -> None:
        if self._server is not None:
            with contextlib.suppress(CannotFork):
                await self._server.load(self._is_kept)

    async def start(self, starts: Sequence[Start], born: Callable[[Child], None]) -> None:
        """Starts nodes that share what they inherit.

        Args:
            born: told of each as soon as it is there.

        Raises:
            OSError: one cannot be started; others may have been.
        """
        async with self._turn:
            server = next(filter(None, map(self._server_for, starts)), None)
            if server is not None:
                if self._is_kept or (len(starts) > 1 and mention_numpy(starts)):
                    await self._load()
                with contextlib.suppress(CannotFork):
                    await server.share(starts[0].inherited)
            window = asyncio.Semaphore(limits.FORKS_AT_ONCE_MAX)

            async def one(start: Start) -> None:
                async with window:
                    is_warm = server is not None and self._server_for(start) is server
                    born(await _start(start, server if is_warm else None))

            outcomes = await asyncio.gather(*map(one, starts), return_exceptions=True)
            if server is not None:
                with contextlib.suppress(CannotFork):
                    await server.share(())
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def close(self) -> None:
        """Ends the server."""
        if self._server is not None:
            self._server.close()
            self._forget()

    def _server_for(self, start: Start) -> ForkServer | None:
        """The server whose nodes are what this one has to be; None: there is none such."""
        if "DISTRCOMP_COLD" in start.environment or start.arguments[0] != sys.executable:
            return None
        n_bytes = sum(map(len, (*start.arguments, *itertools.chain(*start.environment.items()))))
        if n_bytes > limits.FORKED_WORDS_BYTES_MAX:
            return None
        if self._server is None and settled_now() != read_at_start(start.environment):
            return None
        self.warm_up()
        server = self._server
        if server is None or server.settled != read_at_start(start.environment):
            return None
        return server

    def _forget(self) -> None:
        if self._server is not None:
            self._guardian.forget_helper(self._server.pid)
            self._server = None


def mention_numpy(starts: Sequence[Start]) -> bool:
    """Whether the word stands in what these nodes run, as far as one can see from here."""
    words = {word for start in starts for word in start.arguments}
    if any("numpy" in word for word in words):
        return True
    for word in words:
        if word.endswith(".py"):
            with contextlib.suppress(OSError):
                if b"numpy" in (Path(starts[0].folder) / word).read_bytes():
                    return True
    return False


async def _start(start: Start, server: ForkServer | None) -> Child:
    if server is None or server.is_lost:
        return start_cold(start)
    ends = Ends(start)
    try:
        return await server.fork(start, ends)
    except CannotFork as error:
        # If it has been forked all the same it finds its ends closed, and nobody else at them.
        ends.close()
        log.info("node %d is started cold: %s", start.node, error or "no fork server any more")
        return start_cold(start)
    except BaseException:
        ends.close()
        raise
