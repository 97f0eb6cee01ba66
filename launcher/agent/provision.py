"""An agent's part in one run's environment: builds it, or finds it, and asks for wheels if it must.

It works in a task of its own, so the session goes on listening; with the session the task ends, and
uv with it. What the launcher sends meanwhile goes to `want`, `offer` and `take`; none of it may
come before it was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import limits
from ..control import environments as e
from ..environment.cache import Environment, Environments
from ..errors import CannotStart, LauncherError, PeerRefused, UvFailed
from ..ship.folders import OPEN_SAFELY, disk_errors
from ..ship.manifest import FileEntry, Manifest, check_manifest
from ..ship.store import Store
from .arriving import Arriving
from .guardian import Guardian

if TYPE_CHECKING:
    from ..environment.building import Recipe

_WHEELS = "wheels"

log = logging.getLogger("distrcomp.agent")


class Provision:
    """The environment of one session's run.

    Args:
        environments, store, guardian: of the agent.
        tell: sends a message to the launcher.
    """

    def __init__(
        self,
        environments: Environments,
        store: Store,
        guardian: Guardian,
        tell: Callable[[Any], Awaitable[None]],
    ) -> None:
        self._environments = environments
        self._store = store
        self._guardian = guardian
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._environment: Environment | None = None
        self._offered: asyncio.Future[e.OfferWheels] | None = None
        self._arriving = Arriving(store)
        self._arrived = asyncio.Event()

    @property
    def python(self) -> str:
        """The interpreter for the run's nodes: the agent's own, unless another was wanted.

        Raises:
            PeerRefused: it was, and is not ready.
        """
        if self._task is None:
            return sys.executable
        if self._environment is None:
            raise PeerRefused("the environment is not ready yet")
        return self._environment.python

    def want(self, wanted: e.WantEnvironment) -> None:
        """Begins to provide it; raises PeerRefused for what is no lock."""
        from ..environment.lock import is_locked  # no other run needs what that loads

        if not is_locked(wanted.requirements):
            raise PeerRefused("what the environment shall hold is not locked")
        self._task = asyncio.ensure_future(self._provide(wanted))

    def offer(self, offered: e.OfferWheels) -> None:
        """Takes the answer to WheelsWanted."""
        if self._offered is None or self._offered.done():
            raise PeerRefused("wheels were offered that nobody has asked for")
        self._offered.set_result(offered)

    def take(self, part: e.WheelPart) -> None:
        """Takes the next bytes of the wheels that were missing."""
        if self._arriving.take(part) and not self._arriving.awaited:
            self._arrived.set()

    async def close(self) -> None:
        """The session is over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._arriving.suspend()
        if self._environment is not None:
            self._environment.release()

    async def _provide(self, wanted: e.WantEnvironment) -> None:
        try:
            self._environment = await self._obtain(wanted)
        except LauncherError as error:
            await self._tell(e.EnvironmentFailed(str(error)))
        except Exception as error:  # no run may end the agent
            log.exception("an environment could not be built by a fault of the agent's own")
            await self._tell(
                e.EnvironmentFailed(f"a fault of its own, please report it: {error!r}")
            )
        else:
            await self._tell(e.EnvironmentReady())

    async def _obtain(self, wanted: e.WantEnvironment) -> Environment:
        from ..environment.building import recipe_of
        from ..environment.pythons import fulfils

        if not fulfils(platform.python_version(), wanted.requires_python):
            raise CannotStart(
                f"it has Python {platform.python_version()}, and the program requires "
                f"{wanted.requires_python}"
            )
        recipe = await asyncio.to_thread(recipe_of, wanted.requirements)

        async def build_it(place: Path) -> None:
            begun = time.monotonic()
            await self._say("building its environment")
            await self._build(recipe, place, wanted.ask_for_wheels)
            n_packages = wanted.requirements.count("\n")
            took_s = time.monotonic() - begun
            log.info("environment %s: %d packages, built in %.1f s", recipe.key, n_packages, took_s)

        async def on_wait() -> None:
            await self._say("waits for another run that builds the same environment")

        return await self._environments.obtain(recipe.key, build_it, on_wait)

    async def _build(self, recipe: Recipe, place: Path, ask_for_wheels: bool) -> None:
        """From the index, or else from the launcher's wheels."""
        from ..environment.building import build, clear

        words = ""
        if not ask_for_wheels:
            try:
                await build(recipe, place, None, self._say, self._guardian)
            except UvFailed as error:
                words = str(error)
                await asyncio.to_thread(clear, place)
            else:
                return
        wheels, why_not = await self._fetch_wheels(place.parent / _WHEELS)
        if wheels is None and words:
            raise CannotStart(f"uv cannot install the packages ({why_not}); it says:\n{words}")
        try:
            await build(recipe, place, wheels, self._say, self._guardian)
        except UvFailed as error:
            more = f" ({why_not})" if why_not else ""
            raise CannotStart(f"uv cannot install the packages{more}; it says:\n{error}") from error

    async def _fetch_wheels(self, folder: Path) -> tuple[Path | None, str]:
        """A folder with the launcher's wheels, if it has any, and what speaks against that."""
        from ..environment.building import this_platform

        needed = this_platform()
        self._offered = asyncio.get_running_loop().create_future()
        await self._tell(
            e.WheelsWanted(
                needed.python, needed.abi, needed.machine, needed.libc, needed.libc_version
            )
        )
        offered = await self._offered
        entries = [FileEntry(one.name, 0o600, one.size, one.sha256) for one in offered.wheels]
        if not entries:
            return None, offered.why_not
        check_manifest(Manifest(tuple(entries)))
        if any("/" in entry.path or not entry.path.endswith(".whl") for entry in entries):
            raise PeerRefused("what was offered is no wheel")
        hashes = [entry.sha256 for entry in entries]
        self._store.pin(hashes)
        try:
            missing = self._store.missing(entries)
            self._store.make_room(sum(entry.size for entry in (*missing, *entries)))
            await self._ask(missing)
            await asyncio.to_thread(_lay, entries, self._store, folder)
        finally:
            self._store.unpin(hashes)
            self._store.evict()
        return folder, offered.why_not

    async def _ask(self, missing: list[FileEntry]) -> None:
        """Has the launcher send what is missing, and waits until it is there; not for ever."""
        arriving = self._arriving
        await arriving.take_up(missing)
        for _ in range(limits.MISSING_MAX):
            arriving.awaited = {entry.sha256: entry for entry in missing}
            self._arrived.clear()
            await self._tell(e.WheelsMissing(tuple(arriving.awaited), arriving.offsets()))
            if missing:
                await self._arrived.wait()
            missing = self._store.missing(arriving.take_spoilt())
            if not missing:
                return
        raise CannotStart(f"what is written to {self._store.folder} is damaged again and again")

    async def _say(self, text: str) -> None:
        await self._tell(e.EnvironmentStep(text[: limits.SENTENCE_CHARACTERS_MAX]))


def _lay(entries: list[FileEntry], store: Store, folder: Path) -> None:
    """Puts the wheels where uv looks for them, under their names."""
    with disk_errors(folder):
        folder.mkdir(mode=0o700)
        for entry in entries:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_SAFELY
            target = os.open(folder / entry.path, flags, 0o600)
            with contextlib.closing(os.fdopen(target, "wb", buffering=0)):
                store.copy_to(entry, target)
